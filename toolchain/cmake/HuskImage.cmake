# SPDX-License-Identifier: Apache-2.0
# husk_add_image(TARGET): makes the executable TARGET an image that runs as a Linux process and boots as a virtual machine.
#
# Where the parts lie: HUSK_GUEST_OBJECT, HUSK_IMAGE_TOOL, HUSK_SPECS, HUSK_LINKER_SCRIPT. HUSK_IMAGE_DEPENDS names
# targets that build them.
include_guard(GLOBAL)

function(husk_add_image target)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "EXECUTABLE")
    message(FATAL_ERROR "husk_add_image: ${target} is not an executable")
  endif()
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  if(HUSK_COMPILER_MAKES_IMAGES)
    return() # husk-cc and husk-c++ do the rest by themselves
  endif()

  target_compile_options(${target} PRIVATE -fno-pie)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR (NOT CMAKE_CXX_COMPILER_ID AND CMAKE_C_COMPILER_ID STREQUAL "GNU"))
    target_link_options(${target} PRIVATE -specs=${HUSK_SPECS} -static -no-pie)
  else()
    # clang knows no specs; without its own -static it takes crtbegin.o by itself.
    target_link_options(${target} PRIVATE -no-pie -static-libgcc LINKER:-static)
    set_property(TARGET ${target} APPEND PROPERTY LINK_LIBRARIES
      "-Wl,--start-group" -lgcc -lgcc_eh -lc "-Wl,--end-group") # whichever signature the project uses
  endif()
  target_link_options(${target} PRIVATE LINKER:--emit-relocs LINKER:--eh-frame-hdr LINKER:-z,noseparate-code
    -T${HUSK_LINKER_SCRIPT} ${HUSK_GUEST_OBJECT})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${HUSK_GUEST_OBJECT} ${HUSK_LINKER_SCRIPT})
  if(HUSK_IMAGE_DEPENDS)
    add_dependencies(${target} ${HUSK_IMAGE_DEPENDS})
  endif()
  add_custom_command(TARGET ${target} POST_BUILD COMMAND ${HUSK_IMAGE_TOOL} $<TARGET_FILE:${target}> VERBATIM)
endfunction()
