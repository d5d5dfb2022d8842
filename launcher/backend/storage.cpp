// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/storage.hpp"

namespace husk::backend {

namespace {

int perform(IoRequest& request, Storage& storage) {
    switch (request.kind) {
        case IoKind::read:
            return storage.read(request.offset_bytes, request.pieces);
        case IoKind::write:
            return storage.write(request.offset_bytes, request.pieces);
        case IoKind::flush:
            return storage.flush();
        case IoKind::discard:
            return storage.discard(request.offset_bytes, request.size_bytes);
        case IoKind::write_zeroes:
            return storage.write_zeroes(request.offset_bytes, request.size_bytes, request.may_unmap);
    }
    return 0;
}

}  // namespace

void carry_out(IoRequest& request, Storage& storage) {
    request.error = perform(request, storage);
    if (request.error == 0 && request.is_durable && request.kind != IoKind::read) request.error = storage.flush();
}

}  // namespace husk::backend
