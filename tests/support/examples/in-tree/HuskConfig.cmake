# SPDX-License-Identifier: Apache-2.0
# What find_package(Husk) finds inside Husk's own tree, where husk_add_image exists already.
