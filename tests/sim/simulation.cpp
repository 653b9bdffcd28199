#include "tests/sim/simulation.hpp"

#include <algorithm>
#include <array>

#include "tests/support/whatwg_parser.hpp"

namespace sidecar::test {

using exchange::kNever;
using exchange::PolicySet;
using exchange::RoutePolicy;
using exchange::TimePoint;
using exchange::to_ms;
using exchange::UpstreamFailure;
using exchange::UpstreamPolicy;
using namespace std::chrono_literals;

namespace {

/// Whatever a route can opt in to, in any combination. What is put in can be told from what random streams hold.
void opt_in(exchange::EventStreamPolicy& policy, Random& random) {
  using exchange::HeartbeatForm;
  static constexpr std::array kForms = {HeartbeatForm::comment, HeartbeatForm::comment_line, HeartbeatForm::event,
                                        HeartbeatForm::bytes, HeartbeatForm::off};
  policy.heartbeat.form = kForms[random.below(kForms.size())];
  policy.heartbeat.jitter = random.one_in(2) ? 5s : 0s;
  policy.heartbeat.event = "~beat~";
  policy.heartbeat.bytes = ":~bytes~\n\n";
  policy.heartbeat.padding = random.one_in(4) ? 7 : 0;
  if (random.one_in(2)) policy.opening.comment = "~hello~";
  if (random.one_in(3)) policy.opening.event = "~open~";
  if (random.one_in(3)) policy.opening.retry = 2s;
  if (random.one_in(2)) policy.early_open = {random.one_in(2) ? 10ms : 5'000ms, random.one_in(2)};
  if (random.one_in(2)) {
    policy.error_event.event = "~error~";
    if (random.one_in(2)) policy.error_event.statuses = {{404, 404}, {500, 599}};
    if (random.one_in(2)) policy.error_event.then = exchange::AfterError::hold;
  }
  if (random.one_in(3)) policy.unavailable.hold = 10s;
  if (random.one_in(3)) policy.max_age = {random.one_in(2) ? 100ms : 20'000ms, 2s, 3s, {"GET", "POST"}};
  if (random.one_in(3)) policy.idle_timeout = 10s;
  if (random.one_in(2)) policy.end_event = "~end~";
  policy.complete_last_event = random.one_in(2);
}

PolicySet random_policies(Random& random) {
  PolicySet policies;
  UpstreamPolicy upstream;
  upstream.name = "app";
  upstream.url = "http://app:8000";
  if (random.one_in(6)) upstream.response_timeout = 20s;
  policies.upstreams.push_back(upstream);
  RoutePolicy route;
  route.name = "all";
  exchange::EventStreamPolicy& policy = route.event_stream;
  policy.heartbeat.text = "~beat~";
  if (random.one_in(12)) policy.heartbeat.interval = std::nullopt;
  if (random.one_in(2)) opt_in(policy, random);
  policy.heartbeat.make_insertion();
  policy.opening.make_bytes(policy.heartbeat);
  policies.routes.push_back(route);
  policies.limits.pending_bytes = random.one_in(2) ? 256 * 1024 : 16 * 1024;
  return policies;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed) : seed_(seed), random_(seed), policies_(random_policies(random_)) {
  shell_.reset(new Shell(policies_, recorder_, *this));
  shell_->read_max = random_.one_in(4) ? 16 : policies_.limits.pending_bytes / 4;
  shell_->client.capacity = random_.one_in(3) ? 16 + random_.below(300) : 1'000'000;
  slow_client_ = random_.one_in(3);
  pipelining_ = random_.one_in(2);
  client_stops_at_ = random_.one_in(8) ? random_.below(600) : 1'000'000'000;
  const std::size_t count = 1 + random_.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    requests_.push_back(plan_request(i, i + 1 == count, random_));
    responses_.push_back(plan_response(i, requests_.back(), random_));
    received_.expect(requests_.back().method);
    endless_ = endless_ || responses_.back().end == PlannedEnd::silent;
    // Nobody can tell a client that will not close its half of a tunnel from one that has time.
    endless_ = endless_ || (responses_.back().switches && client_stops_at_ < 600);
    if (requests_.back().last || requests_.back().malformed || requests_.back().upgrade) break;
  }
  endless_ = endless_ || policies_.routes[0].event_stream.error_event.then == exchange::AfterError::hold;
  if (requests_.back().upgrade && responses_.back().switches) tunnel_bytes_.assign(random_.below(300), 't');
  if (random_.one_in(3)) put_idle(new_backend().socket);
  at(a_while(), [this] { send_request(0); });
  if (random_.one_in(5)) at(Span(random_.below(60'000)), [this] { client_closes(); });
  if (random_.one_in(8)) at(Span(random_.below(60'000)), [this] { client_resets(); });
  if (random_.one_in(5)) {
    const std::uint64_t by = random_.one_in(2) ? 500 : 40'000;  // Streams are rare, and most of them short.
    at(Span(random_.below(by)), [this] {
      drained_ = true;
      note("drain");
      shell_->drain();
    });
  }
  if (random_.one_in(20)) {
    at(Span(random_.below(40'000)), [this] {
      forced_ = true;
      note("force");
      shell_->force();
    });
  }
}

void Simulation::broken(const std::string& what) {
  if (broken_.empty()) broken_ = what;
  note("BROKEN: " + what);
}

void Simulation::note(const std::string& what) {
  if (trace_.size() > 20'000) return;
  trace_ += std::to_string(to_ms(shell_->now.time_since_epoch() - 1h).count()) + " ms  " + what + "\n";
}

void Simulation::at(Span delay, std::function<void()> what) {
  agenda_.emplace(shell_->now + delay, std::move(what));
}

Simulation::Span Simulation::a_while() {
  static constexpr std::array kLong = {100ms, 4'960ms, 5'000ms, 14'940ms, 14'960ms, 15'000ms, 16'000ms, 31'000ms};
  return random_.one_in(10) ? Span(kLong[random_.below(kLong.size())]) : Span(random_.below(3));
}

std::string Simulation::run(SimulationCounts& counts) {
  const TimePoint limit = shell_->now + 3h;
  for (int steps = 0; !shell_->closed() && broken_.empty(); ++steps) {
    if (shell_->step()) {
      poll();
      continue;
    }
    poll();
    if (shell_->now > limit || !advance() || steps > 100'000) {
      if (!endless_ && !forced_) broken("it never ends");
      forced_ = true;
      note("force at last");
      shell_->force();
    }
  }
  if (broken_.empty()) judge(counts);
  if (broken_.empty()) return {};
  return broken_ + "\nseed " + std::to_string(seed_) + "\n" + trace_ +
         "client got: " + escape_bytes(shell_->to_client.substr(0, 2000));
}

/// To the next thing that time brings; false when there is none.
bool Simulation::advance() {
  const TimePoint wake = shell_->wakeup();
  const TimePoint next = agenda_.empty() ? kNever : agenda_.begin()->first;
  if (wake == kNever && next == kNever) return false;
  if (wake <= next) {
    // The wheel comes up early by less than its grid.
    shell_->now = std::max(shell_->now, wake - Span(random_.below(50)));
    shell_->on_deadline();
    return true;
  }
  shell_->now = std::max(shell_->now, next);
  if (random_.one_in(16)) shell_->on_deadline();  // For nothing: a no-op unless something is due.
  const auto what = agenda_.begin()->second;
  agenda_.erase(agenda_.begin());
  what();
  return true;
}

/// Both peers look at what their kernels have for them.
void Simulation::poll() {
  if (fed_ < shell_->to_client.size()) {
    received_.feed(std::string_view(shell_->to_client).substr(fed_));
    fed_ = shell_->to_client.size();
    if (!received_.error().empty()) broken("the client cannot read this: " + received_.error());
  }
  if (!shell_->client.taken.empty() && !client_reading_ && client_read_ < client_stops_at_) {
    client_reading_ = true;
    at(slow_client_ ? a_while() : 0ms, [this] { client_reads(); });
  }
  if (shell_->client.shut && shell_->client.taken.empty() && !client_left_ && client_read_ < client_stops_at_) {
    client_left_ = true;
    at(a_while(), [this] { shell_->client.peer_fin = true; });
  }
  for (const auto& backend : backends_) {
    if (backend->socket.closed || backend->dead || backend->reading) continue;
    if (!backend->socket.taken.empty() ||
        (backend->tunnel && backend->finished && backend->socket.shut && !backend->answered)) {
      backend->reading = true;
      at(a_while(), [this, b = backend.get()] { backend_reads(*b); });
    }
  }
}

// ---- The client
// ------------------------------------------------------------------------------------------------------

void Simulation::send_request(std::size_t number) {
  if (number >= requests_.size() || shell_->client.peer_fin || shell_->client.peer_reset) return;
  sent_ = number + 1;
  note("request " + std::to_string(number) + " " + escape_bytes(requests_[number].wire.substr(0, 200)));
  std::string wire = requests_[number].wire;
  if (!tunnel_bytes_.empty() && number + 1 == requests_.size() && random_.one_in(2)) {
    wire += tunnel_bytes_;  // Without waiting for the answer.
  } else if (number + 1 == requests_.size() && !tunnel_bytes_.empty()) {
    tunnel_bytes_.insert(0, 1, '!');
  }
  send_pieces(in_pieces(wire, random_), 0, [this, number] {
    if (pipelining_) {
      if (number + 1 < requests_.size()) send_request(number + 1);
    } else {
      waiting_for_ = number + 1;
    }
    if (sent_ == requests_.size() && random_.one_in(4)) at(a_while(), [this] { client_closes(); });
  });
}

void Simulation::send_pieces(std::vector<std::string> pieces, std::size_t next, std::function<void()> then) {
  Socket& client = shell_->client;
  if (client.peer_fin || client.peer_reset || client.closed) return;
  if (next == pieces.size()) {
    then();
    return;
  }
  client.to_read += pieces[next];
  at(a_while(),
     [this, pieces = std::move(pieces), next, then = std::move(then)] { send_pieces(pieces, next + 1, then); });
}

void Simulation::client_reads() {
  client_reading_ = false;
  std::string& taken = shell_->client.taken;
  const std::size_t size = slow_client_ ? random_.below(taken.size() + 1) : taken.size();
  taken.erase(0, size);
  client_read_ += size;
  client_goes_on();
}

/// What the client does when it has read something.
void Simulation::client_goes_on() {
  std::size_t complete = 0;
  for (const WireMessage& message : received_.messages()) {
    complete += message.complete ? 1 : 0;
    if (message.tunnel && tunnel_bytes_.starts_with('!')) {
      tunnel_bytes_.erase(0, 1);
      send_pieces(in_pieces(tunnel_bytes_, random_), 0, [this] {
        if (random_.one_in(2)) at(a_while(), [this] { client_closes(); });
      });
    }
  }
  if (waiting_for_ == 0 || complete < waiting_for_) return;
  const std::size_t next = std::exchange(waiting_for_, 0);
  at(a_while(), [this, next] { send_request(next); });
}

void Simulation::client_closes() {
  Socket& client = shell_->client;
  if (client.peer_fin || client.peer_reset) return;
  note("client FIN");
  client.peer_fin = client_left_ = true;
}

void Simulation::client_resets() {
  note("client RST");
  shell_->client.peer_reset = client_left_ = true;
  shell_->client.to_read.clear();
  shell_->client.taken.clear();
}

// ---- The backend
// -----------------------------------------------------------------------------------------------------

Simulation::Backend& Simulation::new_backend() {
  Backend& backend = *backends_.emplace_back(std::make_unique<Backend>());
  backend.socket.capacity = random_.one_in(3) ? 16 + random_.below(300) : 1'000'000;
  return backend;
}

Simulation::Backend& Simulation::backend_of(const Socket& socket) {
  return **std::find_if(backends_.begin(), backends_.end(),
                        [&](const auto& backend) { return &backend->socket == &socket; });
}

Socket* Simulation::take_idle() {
  for (const auto& backend : backends_) {
    if (!backend->idle) continue;
    backend->idle = false;
    note("takes an idle connection");
    // It may be closing this very moment.
    if (!backend->dead && random_.one_in(5)) {
      backend->dead = true;
      at(a_while(), [this, b = backend.get(), reset = random_.one_in(2)] { dies(*b, reset); });
    }
    return &backend->socket;
  }
  return nullptr;
}

void Simulation::put_idle(Socket& socket) {
  Backend& backend = backend_of(socket);
  backend.idle = true;
  if (backend.socket.peer_fin || backend.socket.peer_reset || random_.one_in(3)) backend.dead = true;
  if (backend.dead) dies(backend, random_.one_in(3));
}

void Simulation::dies(Backend& backend, bool reset) {
  note(reset ? "an idle connection is reset" : "an idle connection is closed");
  backend.dead = true;
  (reset ? backend.socket.peer_reset : backend.socket.peer_fin) = true;
}

void Simulation::dial(std::uint32_t attempt) {
  static constexpr std::array kFailures = {UpstreamFailure::refused, UpstreamFailure::unreachable,
                                           UpstreamFailure::unresolved, UpstreamFailure::exhausted};
  const std::uint32_t dial = ++dial_;
  note("dials for attempt " + std::to_string(attempt));
  if (random_.one_in(30)) {
    dials_failed_.push_back(attempt);
    return;  // No answer: the connect timeout decides.
  }
  const bool fails = random_.one_in(16);
  if (fails) dials_failed_.push_back(attempt);
  const UpstreamFailure failure = kFailures[random_.below(kFailures.size())];
  at(random_.one_in(8) ? 300ms : 1ms, [this, dial, fails, failure] {
    if (dial != dial_) return;
    if (fails) {
      shell_->on_dial_failed(failure);
    } else {
      shell_->on_dialed(new_backend().socket);
    }
  });
}

void Simulation::backend_reads(Backend& backend) {
  backend.reading = false;
  if (backend.socket.closed || backend.dead) return;
  std::string& taken = backend.socket.taken;
  const std::size_t size = random_.one_in(3) ? random_.below(taken.size() + 1) : taken.size();
  const std::string bytes = taken.substr(0, size);
  taken.erase(0, size);
  if (backend.tunnel) {
    backend.tunnelled += bytes;
    if (taken.empty() && backend.socket.shut && backend.finished) {
      backend.answered = true;
      backend.socket.peer_fin = true;
    }
    return;
  }
  backend.reader.feed(bytes);
  if (!backend.reader.error().empty()) broken("the backend cannot read this: " + backend.reader.error());
  const auto& messages = backend.reader.messages();
  if (messages.size() <= backend.served) return;
  const WireMessage& message = messages[backend.served];
  const std::size_t slash = message.start.find(" /");
  const std::size_t number = std::stoul(message.start.substr(slash + 2));
  if (number >= responses_.size()) {
    broken("a request that was never sent: " + message.start);
  } else if (message.complete || responses_[number].early) {
    ++backend.served;
    note("answers " + message.start);
    at(a_while(),
       [this, &backend, number] { send_answer(backend, number, in_pieces(responses_[number].wire, random_), 0); });
  }
}

void Simulation::send_answer(Backend& backend, std::size_t number, std::vector<std::string> pieces, std::size_t next) {
  if (backend.socket.closed) return;
  if (responses_[number].switches && responses_[number].head_passes) backend.tunnel = true;
  if (next == pieces.size()) {
    end_answer(backend, number);
    return;
  }
  backend.socket.to_read += pieces[next];
  at(a_while(),
     [this, &backend, number, pieces = std::move(pieces), next] { send_answer(backend, number, pieces, next + 1); });
}

void Simulation::end_answer(Backend& backend, std::size_t number) {
  const PlannedResponse& response = responses_[number];
  note("the answer's end");
  backend.finished = true;
  switch (response.end) {
    case PlannedEnd::clean:
      if (response.switches && random_.one_in(2)) {
        backend.answered = true;
        backend.socket.peer_fin = true;
      } else if (response.close && !response.switches) {
        backend.socket.peer_fin = true;
      } else if (response.switches) {
        at(a_while(), [this] { client_closes(); });
      }
      return;
    case PlannedEnd::cut:
      backend.socket.peer_fin = true;
      return;
    case PlannedEnd::reset:
      backend.socket.to_read.clear();
      backend.socket.peer_reset = true;
      return;
    case PlannedEnd::malformed:
    case PlannedEnd::silent:
      return;
  }
}

}  // namespace sidecar::test
