#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/relay.hpp"
#include "http/h1_downstream.hpp"
#include "tests/exchange/gate.hpp"
#include "tests/exchange/recorder.hpp"

namespace sidecar::test {

/// One route for everything to one upstream called `app`, heartbeat after 15 s.
[[nodiscard]] exchange::PolicySet one_upstream();

/// A client and a backend that speak through a relay, word by word. What is written is taken by the kernels at once
/// unless they have no room; the order of things is the shell's.
class Dialogue {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  explicit Dialogue(const exchange::PolicySet& policies = one_upstream());

  // What happens.
  void client(std::string_view bytes);
  void client_eof();
  void client_reset();
  void connected(bool pooled = false);
  void connect_failed(exchange::UpstreamFailure failure);
  void backend(std::string_view bytes);
  void backend_eof();
  void backend_reset();
  /// `streams_end_in`: over which time planned ends are spread.
  void drain(std::chrono::milliseconds streams_end_in = std::chrono::milliseconds{0});
  void force();
  /// Time passes, and what is due comes up.
  void after(std::chrono::milliseconds span);
  /// From now on the kernel takes that many more bytes; what waits goes first.
  void client_room(std::size_t bytes);
  void backend_room(std::size_t bytes);

  // What came of it, since it was last asked.
  [[nodiscard]] std::string to_client() { return std::exchange(to_client_, {}); }
  [[nodiscard]] std::string to_backend() { return std::exchange(to_backend_, {}); }

  [[nodiscard]] exchange::Wishes wishes() const { return relay.wishes(); }
  [[nodiscard]] exchange::UpstreamWish::Kind upstream_wish() const { return wishes().upstream.kind; }
  [[nodiscard]] exchange::DownstreamManner manner() const { return wishes().downstream; }
  [[nodiscard]] exchange::Phase phase() const { return relay.phase(); }
  [[nodiscard]] std::uint32_t attempt() const { return wishes().upstream.attempt; }
  /// The one exchange that has ended; a test with more asks `recorder`.
  [[nodiscard]] exchange::LifecycleRecord end() const;
  [[nodiscard]] std::size_t counted(exchange::Counted what) const;
  /// How far away the next deadline is; a negative span when there is none.
  [[nodiscard]] std::chrono::milliseconds until_deadline() const;

  Recorder recorder;
  exchange::TimePoint now = exchange::TimePoint{} + std::chrono::hours{1};
  Gate gate;
  exchange::Workbench bench{recorder, gate, 1};
  http::H1Downstream codec;
  exchange::Relay relay;

 private:
  void settle();
  bool flush();

  std::string to_client_;
  std::string to_backend_;
  std::string client_pending_;
  std::string backend_pending_;
  std::size_t client_room_ = kUnlimited;
  std::size_t backend_room_ = kUnlimited;
};

}  // namespace sidecar::test
