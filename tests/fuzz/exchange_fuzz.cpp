#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/opted_in.hpp"
#include "tests/sim/shell.hpp"
#include "tests/sim/wire_reader.hpp"

// A relay between a client and a backend that say whatever libFuzzer makes up, in any order and at any pace, for a
// route that opts in to what the last bytes of the input say. What must hold for every input: it ends, each exchange
// leaves one record, memory is bounded, heartbeats come in silence only, and what the client gets is HTTP/1.1 whatever
// the backend sent. Where the heads are given and only bodies, times and ends are made up (the last bit of the last
// byte), the laws of the event stream hold too.
namespace sidecar::test {
namespace {

using exchange::kNever;
using exchange::LifecycleRecord;
using exchange::Phase;
using exchange::PolicySet;
using exchange::Reason;
using exchange::UpstreamFailure;

PolicySet fuzz_policies(std::string_view options) {
  PolicySet policies;
  policies.upstreams.emplace_back().name = "app";
  policies.routes.emplace_back().name = "all";
  policies.limits.pending_bytes = 16 * 1024;
  policies.limits.head_bytes = 2048;
  opt_in(policies.routes[0], options);
  return policies;
}

constexpr std::string_view kRequests[] = {
    "GET / HTTP/1.0\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nOrigin: http://page\r\nAccept: text/event-stream\r\n\r\n",
};

struct GivenHead {
  std::string_view bytes;
  bool stream = false;
  bool chunked = false;
};

constexpr GivenHead kHeads[] = {
    {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", true, false},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", true, true},
    {"HTTP/1.1 401 U\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n", false, true},
    {"HTTP/1.1 503 B\r\n\r\n", false, false},
    {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", false, true},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n", false, false},
};

/// First byte of each step: what happens; then, for bytes, how many, and the bytes themselves.
class FuzzWorld final : public Surroundings {
 public:
  explicit FuzzWorld(std::string_view script) : script_(script) {
    std::string options(kOptions, '\0');
    if (script_.size() >= kOptions) {
      options = script_.substr(script_.size() - kOptions);
      script_.remove_suffix(kOptions);
    }
    policies_ = fuzz_policies(options);
    given_ = options.back() % 2 != 0;
  }

  void run() {
    shell_ = std::make_unique<Shell>(policies_, recorder_, *this);
    shell_->client.capacity = 1 + choose(256) * 16;
    while (!script_.empty() && !shell_->closed()) {
      happen(choose(16));
      for (int i = 0; i < 200 && shell_->step(); ++i) {
      }
    }
    if (!shell_->closed()) shell_->force();
    if (!shell_->closed()) broken("not even force closes it");
    judge();
  }

  Socket* take_idle() override {
    if (idle_.empty()) return nullptr;
    Socket* socket = idle_.back();
    idle_.pop_back();
    return socket;
  }
  void put_idle(Socket& socket) override { idle_.push_back(&socket); }
  void dial(std::uint32_t) override { dialing_ = true; }
  void cancel_dial() override { dialing_ = false; }
  std::size_t choose(std::size_t limit) override {
    if (limit == 0) return 0;
    if (script_.empty()) return limit - 1;
    const auto byte = static_cast<unsigned char>(script_.front());
    script_.remove_prefix(1);
    return byte % limit;
  }
  void broken(const std::string& what) override {
    std::fprintf(stderr, "%s\n%s\n", what.c_str(), shell_->to_client.c_str());
    std::abort();
  }

 private:
  std::string_view bytes() {
    const std::size_t size = std::min<std::size_t>(choose(256) * (choose(8) == 0 ? 16 : 1), script_.size());
    const std::string_view piece = script_.substr(0, size);
    script_.remove_prefix(size);
    return piece;
  }

  Socket* backend() { return sockets_.empty() ? nullptr : sockets_.back().get(); }

  void connected() {
    if (!std::exchange(dialing_, false)) return;
    sockets_.push_back(std::make_unique<Socket>());
    sockets_.back()->capacity = 1'000'000;
    sent_.emplace_back();
    heads_.push_back(nullptr);
    shell_->on_dialed(*sockets_.back());
  }

  void happen(std::size_t what) {
    Socket* upstream = backend();
    switch (what) {
      case 0:
        shell_->client.peer_fin = true;
        return;
      case 1:
        shell_->client.peer_reset = choose(4) == 0;
        return;
      case 2:
        if (upstream == nullptr || upstream->peer_fin) return;
        if (given_ && heads_.back() != nullptr && heads_.back()->chunked && choose(2) == 0)
          upstream->to_read += "0\r\n\r\n";
        upstream->peer_fin = true;
        return;
      case 3:
        if (upstream != nullptr) upstream->peer_reset = true;
        return;
      case 4:
        shell_->client.taken.clear();
        return;
      case 5:
        if (std::exchange(dialing_, false)) return shell_->on_dial_failed(UpstreamFailure::refused);
        return;
      case 6:
        if (choose(16) == 0) shell_->drain();
        return;
      case 7:
      case 8:
        if (shell_->wakeup() == kNever) return;
        shell_->now = std::max(shell_->now, shell_->wakeup());
        shell_->on_deadline();
        return;
      case 9:
        shell_->on_deadline();
        return;
      case 10:
      case 11:
      case 12:
        client_says();
        connect_soon();
        return;
      default:
        connected();
        if (upstream = backend(); upstream != nullptr && !upstream->peer_fin) backend_says(*upstream);
        return;
    }
  }

  void client_says() {
    if (shell_->client.peer_fin) return;
    if (!given_) {
      shell_->client.to_read += bytes();
    } else if (!std::exchange(asked_, true)) {
      shell_->client.to_read += kRequests[choose(std::size(kRequests))];
    }
  }

  void backend_says(Socket& upstream) {
    if (!given_) {
      upstream.to_read += bytes();
    } else if (heads_.back() == nullptr) {
      heads_.back() = &kHeads[choose(std::size(kHeads))];
      upstream.to_read += heads_.back()->bytes;
    } else if (const std::string piece(bytes()); !piece.empty()) {
      std::array<char, 16> line{};
      std::snprintf(line.data(), line.size(), "%zx\r\n", piece.size());
      upstream.to_read += heads_.back()->chunked ? line.data() + piece + "\r\n" : piece;
      sent_.back() += piece;
    }
  }

  void connect_soon() {
    for (int i = 0; i < 20 && shell_->step(); ++i) {
    }
    if (choose(4) != 0) connected();
  }

  void judge() {
    const Phase phase = shell_->relay().phase();
    if (phase != Phase::idle && phase != Phase::done) broken("closed in the middle of an exchange");
    WireReader reader(WireReader::Kind::responses);
    for (const LifecycleRecord& end : recorder_.ends()) reader.expect(std::string(end.method));
    reader.feed(shell_->to_client);
    if (!reader.error().empty()) broken(reader.error());
    if (reader.messages().size() > recorder_.ends().size()) broken("more answers than exchanges");
    if (!given_ || reader.messages().empty()) return;
    if (shell_->client.shut || !shell_->client.reset) reader.finish();
    const WireMessage& message = reader.messages().front();
    if (message.field("Content-Type") == "text/event-stream" && !message.field("Content-Encoding"))
      judge_stream(recorder_.ends().front(), message);
  }

  void judge_stream(const LifecycleRecord& end, const WireMessage& message) {
    const exchange::EventStreamPolicy& policy = policies_.routes[0].event_stream;
    const bool whole = *end.reason == Reason::complete;
    bool same = !whole && events_of_backend(message.body).empty();
    std::string sent;
    for (std::size_t i = 0; i < sockets_.size() && !same; ++i) {
      if (heads_[i] == nullptr || !heads_[i]->stream) continue;
      same = dispatches_the_same(policy, sent_[i], message.body, whole);
      sent = sent_[i];
    }
    if (!same) broken("the client dispatches something else: " + escape_bytes(message.body));
    const std::string wrong = judge_own_events(policy, message.body, sent);
    if (!wrong.empty()) broken(wrong + ": " + escape_bytes(message.body));
    const bool planned = *end.reason == Reason::max_age || *end.reason == Reason::drain;
    const bool told = end.method == "GET" && message.body.find("event: ~error~") != std::string::npos;
    if (message.complete && !whole && !planned && !told) broken("a broken stream looks complete");
  }

  std::string_view script_;
  PolicySet policies_;
  Recorder recorder_;
  std::unique_ptr<Shell> shell_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<std::string> sent_;        ///< By socket: the body.
  std::vector<const GivenHead*> heads_;  ///< By socket: nullptr before it.
  std::vector<Socket*> idle_;
  bool dialing_ = false;
  bool given_ = false;
  bool asked_ = false;
};

}  // namespace
}  // namespace sidecar::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sidecar::test::FuzzWorld({reinterpret_cast<const char*>(data), size}).run();
  return 0;
}
