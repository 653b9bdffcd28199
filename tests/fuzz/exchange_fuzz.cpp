#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/shell.hpp"
#include "tests/sim/wire_reader.hpp"

// A relay between a client and a backend that say whatever libFuzzer makes up, in any order and at any pace. What must
// hold for every input: it ends, each exchange leaves one record, memory is bounded, heartbeats come in silence only,
// and what the client gets is HTTP/1.1 whatever the backend sent.
namespace sidecar::test {
namespace {

using exchange::kNever;
using exchange::LifecycleRecord;
using exchange::Phase;
using exchange::PolicySet;
using exchange::UpstreamFailure;

PolicySet fuzz_policies() {
  PolicySet policies;
  policies.upstreams.emplace_back().name = "app";
  policies.routes.emplace_back().name = "all";
  policies.limits.pending_bytes = 16 * 1024;
  policies.limits.head_bytes = 2048;
  return policies;
}

/// First byte of each step: what happens; then, for bytes, how many, and the bytes themselves.
class FuzzWorld final : public Surroundings {
 public:
  explicit FuzzWorld(std::string_view script) : script_(script), policies_(fuzz_policies()) {}

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
        if (upstream != nullptr) upstream->peer_fin = true;
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
        if (!shell_->client.peer_fin) shell_->client.to_read += bytes();
        connect_soon();
        return;
      default:
        connected();
        if (upstream = backend(); upstream != nullptr && !upstream->peer_fin) upstream->to_read += bytes();
        return;
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
  }

  std::string_view script_;
  PolicySet policies_;
  Recorder recorder_;
  std::unique_ptr<Shell> shell_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<Socket*> idle_;
  bool dialing_ = false;
};

}  // namespace
}  // namespace sidecar::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sidecar::test::FuzzWorld({reinterpret_cast<const char*>(data), size}).run();
  return 0;
}
