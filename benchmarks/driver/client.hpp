#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "benchmarks/driver/event.hpp"
#include "benchmarks/driver/loop.hpp"
#include "benchmarks/driver/response_reader.hpp"
#include "benchmarks/driver/transport.hpp"

namespace sidecar::bench {

class World;

/// One client: a connection to the proxy, an event stream or ordinary requests on it. It believes nothing: every byte
/// is compared with what was sent.
class Client final : public Watcher, private ResponseSink {
 public:
  enum class State : std::uint8_t { idle, connecting, waiting, open };

  Client(World& world, std::uint32_t number) : world_(world), number_(number) {}

  /// Connects and asks for `path`. False when not even that can be begun.
  bool connect(std::string path);
  /// Another request on the open connection.
  void request();
  /// Closes; nothing that was missing until now is counted.
  void close();

  void on_ready(std::uint32_t events) override;

  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::uint64_t expected() const { return expected_; }
  [[nodiscard]] bool was_open() const { return was_open_; }
  /// What the stream said last in a `retry:` line; 0: nothing.
  [[nodiscard]] Nanoseconds retry() const { return retry_; }
  [[nodiscard]] Nanoseconds began() const { return began_; }

 private:
  void on_head(int status) override;
  void on_body(std::string_view bytes) override;
  void on_response_end() override;

  void establish();
  void receive();
  void end(bool by_peer);
  void send_request();
  /// What is left over is the beginning of an event.
  std::string_view take_events(std::string_view bytes);
  void take_event(const EventNumbers& numbers);
  void take_block(std::string_view block);
  void open();

  World& world_;
  std::uint32_t number_;
  State state_ = State::idle;
  bool stream_ = false;
  bool was_open_ = false;
  int status_ = 0;
  Nanoseconds began_ = 0;      ///< Of the connection, or of the request on an open one.
  Nanoseconds last_byte_ = 0;  ///< Of the body.
  Nanoseconds retry_ = 0;
  std::uint64_t expected_ = 0;
  std::string path_;
  std::string partial_;  ///< Of an event, or an ordinary body.
  Transport transport_;
  ResponseReader reader_;
};

}  // namespace sidecar::bench
