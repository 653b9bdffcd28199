#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exchange/relay.hpp"
#include "http/h1_downstream.hpp"
#include "tests/exchange/gate.hpp"
#include "tests/exchange/recorder.hpp"

namespace sidecar::test {

/// The sidecar's end of a connection and what its kernel holds.
struct Socket {
  std::string to_read;  ///< From the peer.
  bool peer_fin = false;
  bool peer_reset = false;
  std::string taken;         ///< The kernel took it, the peer has not read it yet.
  std::size_t capacity = 0;  ///< Of `taken`.
  bool shut = false;         ///< FIN behind `taken`.
  bool closed = false;       ///< By the sidecar.
  bool reset = false;        ///< With a reset, which destroyed `taken`.

  [[nodiscard]] std::size_t room() const { return capacity > taken.size() ? capacity - taken.size() : 0; }
};

/// What is around a shell: whoever answers when it connects.
class Surroundings {
 public:
  virtual Socket* take_idle() = 0;
  virtual void put_idle(Socket& socket) = 0;
  virtual void dial(std::uint32_t attempt) = 0;
  virtual void cancel_dial() = 0;
  /// A number below `limit`: where a kernel is free to do a little or a lot.
  virtual std::size_t choose(std::size_t limit) = 0;
  virtual void broken(const std::string& what) = 0;

 protected:
  ~Surroundings() = default;
};

/// The session of net/, without its sockets: the same order of writing, obeying and going on. It judges what can be
/// judged at this place: heartbeats, memory, and what a reset destroys.
class Shell {
 public:
  Shell(const exchange::PolicySet& policies, Recorder& recorder, Surroundings& world);

  /// Does one thing that can be done now; false when there is none.
  bool step();
  void on_dialed(Socket& socket);
  void on_dial_failed(exchange::UpstreamFailure failure);
  void on_deadline();
  void drain();
  void force();
  /// The first moment at which the worker's timer may come up.
  [[nodiscard]] exchange::TimePoint wakeup() const;

  exchange::TimePoint now = exchange::TimePoint{} + std::chrono::hours{1};
  Socket client;
  std::size_t read_max = 4096;
  std::string to_client;  ///< Everything that the client's kernel took.
  std::vector<Socket*> used;
  std::uint64_t heartbeats = 0;
  std::uint64_t mid_line = 0;

  [[nodiscard]] const exchange::Relay& relay() const { return relay_; }
  [[nodiscard]] bool closed() const { return closing_; }
  [[nodiscard]] exchange::TimePoint blocked_since() const { return blocked_since_; }
  /// The backend left bytes lying for as long as it may.
  [[nodiscard]] bool backend_stalled() const { return backend_stalled_; }

 private:
  enum class Act { read_client, write_client, read_backend, write_backend };

  void settle();
  void flush_client();
  void flush_backend();
  bool obey();
  bool obey_upstream(const exchange::Wishes& wishes);
  void obey_client(const exchange::Wishes& wishes);
  void adopt(Socket& socket, bool pooled);
  void drop_backend(bool reset);
  void close(bool reset);
  void act(Act what);
  void read_client();
  void read_backend();
  std::size_t write(Socket& socket, std::string& pending, bool all_or_some);
  void note_taken(std::size_t sent);
  void note_backend_took(std::size_t sent);
  void check_memory();
  void check_silence();
  void check_heartbeat();
  [[nodiscard]] std::uint64_t deferred() const;

  const exchange::PolicySet& policies_;
  Recorder& recorder_;
  Surroundings& world_;
  Gate gate_;
  exchange::Workbench bench_;
  http::H1Downstream codec_;
  exchange::Relay relay_;
  Socket* backend_ = nullptr;
  bool dialing_ = false;
  std::uint32_t attempt_ = 0;
  std::string client_pending_;
  std::string backend_pending_;
  bool backend_deaf_ = false;
  bool closing_ = false;
  bool poll_ = false;
  bool forced_ = false;
  exchange::TimePoint last_taken_;
  exchange::TimePoint last_heard_;
  exchange::TimePoint last_deferred_;
  exchange::TimePoint blocked_since_ = exchange::kNever;
  exchange::TimePoint backend_blocked_since_ = exchange::kNever;
  bool backend_stalled_ = false;
  exchange::TimePoint truncating_since_ = exchange::kNever;
  std::string buffer_;
};

}  // namespace sidecar::test
