#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/plan.hpp"
#include "tests/sim/shell.hpp"
#include "tests/sim/wire_reader.hpp"

namespace sidecar::test {

/// What happened, over many runs: a test demands that it was not all nothing.
struct SimulationCounts {
  std::map<std::string, std::uint64_t> of;
};

/// A client and a backend with a shell and a relay between them, under a clock of its own, all of it from one seed.
class Simulation final : private Surroundings {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation() = default;

  /// Empty when everything was as it must be, otherwise what was not, with a trace.
  [[nodiscard]] std::string run(SimulationCounts& counts);

 private:
  struct Backend {
    Socket socket;
    WireReader reader{WireReader::Kind::requests};
    std::size_t served = 0;
    bool reading = false;  ///< A read is on the agenda.
    bool idle = false;
    bool dead = false;
    bool tunnel = false;
    bool finished = false;  ///< Its last answer is out.
    bool answered = false;  ///< And its half of the tunnel closed.
    std::string tunnelled;
  };
  using Span = std::chrono::milliseconds;

  // Surroundings
  Socket* take_idle() override;
  void put_idle(Socket& socket) override;
  void dial(std::uint32_t attempt) override;
  void cancel_dial() override { ++dial_; }
  std::size_t choose(std::size_t limit) override { return random_.below(limit); }
  void broken(const std::string& what) override;

  void at(Span delay, std::function<void()> what);
  [[nodiscard]] Span a_while();
  void note(const std::string& what);
  void poll();
  bool advance();

  // The client.
  void send_request(std::size_t number);
  void send_pieces(std::vector<std::string> pieces, std::size_t next, std::function<void()> then);
  void client_reads();
  void client_closes();
  void client_resets();
  void client_goes_on();

  // The backend.
  Backend& new_backend();
  Backend& backend_of(const Socket& socket);
  void backend_reads(Backend& backend);
  void answer(Backend& backend, const std::string& target);
  void send_answer(Backend& backend, std::size_t number, std::vector<std::string> pieces, std::size_t next);
  void end_answer(Backend& backend, std::size_t number);
  void dies(Backend& backend, bool reset);

  // The judgement (judge.cpp).
  void judge(SimulationCounts& counts);
  void judge_exchange(std::size_t number, const exchange::LifecycleRecord& end, const WireMessage* message);
  void judge_reason(std::size_t number, const exchange::LifecycleRecord& end);
  void judge_own_stream(std::size_t number, const exchange::LifecycleRecord& end, const WireMessage& message);
  void judge_body(std::size_t number, const exchange::LifecycleRecord& end, const WireMessage& message);
  void judge_requests();

  std::uint64_t seed_;
  Random random_;
  exchange::PolicySet policies_;
  Recorder recorder_;
  std::unique_ptr<Shell> shell_;
  std::multimap<exchange::TimePoint, std::function<void()>> agenda_;
  std::vector<std::unique_ptr<Backend>> backends_;
  std::vector<PlannedRequest> requests_;
  std::vector<PlannedResponse> responses_;
  std::vector<std::size_t> dials_failed_;
  WireReader received_{WireReader::Kind::responses};  ///< What the client's kernel was given.
  std::size_t fed_ = 0;
  std::string tunnel_bytes_;
  std::size_t sent_ = 0;  ///< Requests whose first byte is out.
  std::size_t waiting_for_ = 0;
  std::uint32_t dial_ = 0;
  std::size_t client_stops_at_ = 0;
  std::size_t client_read_ = 0;
  bool pipelining_ = false;
  bool slow_client_ = false;
  bool client_reading_ = false;
  bool client_left_ = false;
  bool drained_ = false;
  bool forced_ = false;
  bool endless_ = false;
  std::uint64_t own_streams_ = 0;
  std::string trace_;
  std::string broken_;
};

}  // namespace sidecar::test
