// SPDX-License-Identifier: Apache-2.0
// Many operations on one disk at the same time.
//
//   engine.submit(request);  engine.start();     // start() once for all that was submitted
//   engine.collect(done);                        // what is complete by now; ready_fd() becomes readable for it
//
// One thread at a time.
#pragma once

#include <string_view>
#include <vector>

#include "launcher/backend/storage.hpp"

namespace husk::backend {

class IoEngine {
public:
    virtual ~IoEngine() = default;  // nothing is in flight

    // The request stays where it is until collect() has given it back.
    virtual void submit(IoRequest& request) = 0;
    virtual void start() = 0;

    // Appends what is complete; never blocks.
    virtual void collect(std::vector<IoRequest*>& done) = 0;

    // Sleeps until something is complete. Only with something in flight.
    virtual void wait() = 0;

    // Readable while collect() would find something.
    [[nodiscard]] virtual int ready_fd() const = 0;

    // The calling thread, which uses the engine, may have changed its CPUs: whoever works for the engine uses them too.
    virtual void follow_this_thread() {}

    [[nodiscard]] virtual std::string_view name() const = 0;
};

}  // namespace husk::backend
