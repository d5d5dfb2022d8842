// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/foreign_console.hpp"

#include <poll.h>

#include <atomic>

#include <husk/abi/doorbell.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/drivers/byte_ring.hpp"
#include "guest-runtime/drivers/control_frames.hpp"
#include "guest-runtime/drivers/serial_port.hpp"

namespace husk::foreign_console {

namespace {

namespace attention = abi::attention;

constexpr std::uint16_t control_port_default = 0x2f8;
constexpr int patience = 20'000;                        // looks at a busy serial port before a writer goes to sleep
constexpr std::uint8_t interrupt_key = 3, end_key = 4;  // ^C, ^D
constexpr int signal_interrupt = 2, signal_last = 64;

constinit Ports ports{abi::serial_port, abi::serial_port, 0, 0, 0};
constinit abi::StreamKind input_kind = abi::StreamKind::tty;
constinit SerialPort serial{abi::serial_port};
constinit SerialPort control{control_port_default};
constinit bool has_serial = false, has_control = false;

constinit ByteRing<16384> input;
constinit ControlFrames frames;
constinit std::atomic<bool> is_asked = false;  // "read N" is not answered yet
constinit std::atomic<bool> has_ended = false;
constinit int early_signal = 0;  // came before there was a mailbox for it

std::uint16_t port_of(int stream) { return stream == 2 ? ports.standard_error : ports.standard_output; }
bool is_serial(std::uint16_t port) { return port == abi::serial_port; }
std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// Of the two that write to a serial port: each looks whether it is busy, then writes. The handler of vCPU 0 does not
// wait for it.
constinit Spinlock output_lock;
// Of those who take bytes from the ring.
constinit Spinlock input_lock;

// Bytes taken, fewer than all when the port is a serial one that stays busy.
std::size_t send_locked(std::uint16_t port, std::span<const std::byte> bytes, int looks) {
    if (!is_serial(port)) {
        arch::out8_string(port, bytes.data(), bytes.size());
        return bytes.size();
    }
    if (!has_serial) return bytes.size();
    std::size_t done = 0;
    for (int look = 0; done < bytes.size() && look < looks; ++look) {
        std::size_t taken = serial.write(bytes.subspan(done));
        if (taken != 0) look = 0;
        done += taken;
    }
    return done;
}

std::size_t send(std::uint16_t port, std::span<const std::byte> bytes, int looks) {
    Guard guard(output_lock);
    return send_locked(port, bytes, looks);
}

void ask_for_input(std::size_t size_bytes) {
    if (is_asked.exchange(true)) return;
    char buffer[32];
    TextWriter line(buffer);
    line.text("read ").decimal(std::min<std::size_t>(size_bytes, input.capacity));
    print_status(line.view());
}

bool input_is_certain() { return !input.is_empty() || has_ended.load(std::memory_order_acquire); }

std::uint32_t raise(int signal) {
    if (signal < 1 || signal > signal_last) return 0;
    std::atomic_ref(arch::per_cpu().mailbox.signals).fetch_or(1ull << (signal - 1), std::memory_order_acq_rel);
    return attention::signals;
}

// One byte from the control port.
std::uint32_t on_control_byte(std::uint8_t byte) {
    using Kind = ControlFrames::Kind;
    ControlFrames::Piece piece = frames.take(byte);
    switch (piece.kind) {
        case Kind::input_byte:
        case Kind::last_input_byte:
            // Only a launcher that sends more than it was asked for finds the ring full.
            if (!input.is_full()) input.put(std::byte{piece.value});
            if (piece.kind == Kind::last_input_byte) is_asked.store(false);
            return attention::console;
        case Kind::end_of_input:
            has_ended.store(true, std::memory_order_release);
            is_asked.store(false);
            return attention::console;
        case Kind::signal:
            return raise(piece.value);
        default:
            return 0;
    }
}

// One byte from a console without a launcher. A terminal there sends keys: it gets the little that a shell would do.
std::uint32_t on_key(std::uint8_t byte) {
    if (input_kind == abi::StreamKind::tty) {
        if (byte == interrupt_key) return raise(signal_interrupt);
        if (byte == end_key) {
            has_ended.store(true, std::memory_order_release);
            return attention::console;
        }
        if (byte == '\r') byte = '\n';
        std::byte echo{byte};
        if (output_lock.try_lock()) {
            (void)send_locked(ports.standard_output, {&echo, 1}, patience);
            output_lock.unlock();
        }
    }
    input.put(std::byte{byte});
    return attention::console;
}

std::uint32_t drain(SerialPort& port, std::uint32_t (*on_byte)(std::uint8_t)) {
    std::uint32_t bits = 0;
    for (;;) {
        if (input.is_full()) {
            // What the port holds stays there until the application has read.
            port.want_input(false);
            return bits;
        }
        std::uint8_t byte;
        if (!port.take(byte)) return bits;
        bits |= on_byte(byte);
    }
}

std::uint32_t serve(SerialPort& port, std::uint32_t (*on_byte)(std::uint8_t)) {
    std::uint32_t bits = 0;
    for (int i = 0; i < 64; ++i) {
        switch (port.next_event()) {
            case SerialPort::Event::none:
                return bits;
            case SerialPort::Event::input:
                bits |= drain(port, on_byte);
                break;
            case SerialPort::Event::room:
                port.want_room(false);
                bits |= attention::console;
                break;
            default:
                break;
        }
    }
    return bits;
}

SerialPort& input_port() { return has_control ? control : serial; }

}  // namespace

void initialise(const Ports& wanted, abi::StreamKind standard_input) {
    ports = wanted;
    input_kind = standard_input;
    has_serial = serial.initialise();
    if (ports.control == 0) return;
    control.move_to(ports.control);
    // A signal may have come before the FIFOs are switched on, which empties them.
    std::uint8_t byte;
    for (int i = 0; i < 64 && control.take(byte); ++i) {
        ControlFrames::Piece piece = frames.take(byte);
        if (piece.kind == ControlFrames::Kind::signal) early_signal = piece.value;
    }
    has_control = control.initialise();
}

void accept_input() {
    std::atomic_ref(arch::per_cpu().mailbox.attention).fetch_or(raise(early_signal), std::memory_order_acq_rel);
    if (has_control) control.want_input(true);
    if (!has_control && has_serial) serial.want_input(true);
}

Result<std::size_t> read_input(std::span<std::byte> to) {
    if (input_kind == abi::StreamKind::closed || input_kind == abi::StreamKind::null) return 0;
    std::size_t count = 0;
    {
        Guard guard(input_lock);
        count = input.take(to);
    }
    if (count != 0) {
        input_port().want_input(true);
        return count;
    }
    if (has_ended.load(std::memory_order_acquire)) return 0;
    if (has_control) ask_for_input(to.size());
    return Errno::eagain;
}

Result<std::size_t> write_output(int stream, std::span<const std::byte> bytes) {
    std::size_t done = send(port_of(stream), bytes, patience);
    if (done != 0 || bytes.empty()) return done;
    serial.want_room(true);
    return Errno::eagain;
}

unsigned poll(int stream, unsigned wanted) {
    if (stream != 0) return POLLOUT;
    bool is_ready = input_kind != abi::StreamKind::pipe && input_kind != abi::StreamKind::tty;
    if (is_ready || input_is_certain()) return POLLIN;
    constexpr std::size_t asked_on_poll = 4096;
    if ((wanted & POLLIN) != 0 && has_control) ask_for_input(asked_on_poll);
    return 0;
}

void print_error(std::string_view text) {
    std::span<const std::byte> bytes = bytes_of(text);
    while (!bytes.empty()) bytes = bytes.subspan(send(ports.standard_error, bytes, patience));
}

void print_status(std::string_view line) {
    if (ports.status == 0) return;
    (void)send(ports.status, bytes_of(line), patience);
    (void)send(ports.status, bytes_of("\n"), patience);
}

bool write_trace(std::span<const std::byte> record) {
    if (ports.trace == 0) return false;
    static constinit Spinlock lock;  // a record is in one piece
    Guard guard(lock);
    (void)send(ports.trace, record, patience);
    return true;
}

std::uint32_t on_interrupt() {
    std::uint32_t bits = 0;
    if (has_serial) bits |= serve(serial, on_key);
    if (has_control) bits |= serve(control, on_control_byte);
    return bits;
}

}  // namespace husk::foreign_console
