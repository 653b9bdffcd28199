// The path of an event, in this process: a real worker between two real sockets, with every allocation of its thread
// counted. Allocating there would not be wrong, only slow and never noticed; so it is asserted.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "net/socket.hpp"
#include "net/worker.hpp"
#include "observe/log.hpp"

extern "C" {
// glibc's own allocator behind the names that everybody calls.
void* __libc_malloc(std::size_t size);                           // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
}

namespace {

thread_local bool counted_thread = false;
std::atomic<std::uint64_t> allocations{0};

[[maybe_unused]] void note_allocation() {
  if (counted_thread) allocations.fetch_add(1, std::memory_order_relaxed);
}

constexpr bool kSanitized = std::string_view(SIDECAR_SANITIZE).size() > 0;

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" void* malloc(std::size_t size) {
  note_allocation();
  return __libc_malloc(size);
}

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note_allocation();
  return __libc_memalign(alignment, size);
}
#endif

namespace sidecar::net {
namespace {

constexpr int kPatienceMs = 5'000;

std::string read_until(int fd, std::string_view needle) {
  std::string got;
  while (got.find(needle) == std::string::npos) {
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) break;
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    got.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return got;
}

void send_all(int fd, std::string_view bytes) {
  ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

Endpoint bound_to(int fd) {
  Endpoint endpoint;
  endpoint.size = sizeof endpoint.address;
  ::getsockname(fd, endpoint.data(), &endpoint.size);
  return endpoint;
}

int connect_to(const Endpoint& endpoint) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return ::connect(fd, endpoint.data(), endpoint.size) == 0 ? fd : -1;
}

int accept_from(int listener) {
  pollfd waiting{listener, POLLIN, 0};
  return ::poll(&waiting, 1, kPatienceMs) == 1 ? ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC) : -1;
}

Opened listen_anywhere() {
  config::ListenAddress address;
  address.host = "127.0.0.1";
  address.port = 0;
  return open_listener(address, 30'000);
}

exchange::PolicySetPtr policies_for(const Endpoint& backend) {
  exchange::PolicySet policies;
  const std::string text = to_string(backend);
  exchange::UpstreamPolicy upstream;
  upstream.name = "app";
  upstream.url = "http://" + text;
  upstream.address.host = "127.0.0.1";
  upstream.address.port = static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
  policies.upstreams.push_back(upstream);
  exchange::RoutePolicy route;
  route.name = "everything";
  policies.routes.push_back(route);
  return std::make_shared<const exchange::PolicySet>(policies);
}

/// One open event stream through a worker of this process.
class EventPath : public ::testing::Test {
 protected:
  void SetUp() override {
    observe::LogOptions options;
    options.level = observe::Level::off;
    log_ = std::make_unique<observe::Log>(options);
    const Opened backend = listen_anywhere();
    const Opened front = listen_anywhere();
    ASSERT_GE(backend.fd, 0);
    ASSERT_GE(front.fd, 0);
    const Endpoint front_endpoint = bound_to(front.fd);
    worker_ = std::make_unique<Worker>(
        Worker::Common{*log_, census_},
        Worker::Settings{policies_for(bound_to(backend.fd)),
                         std::make_shared<const observe::QueryRedactor>(std::vector<std::string>{}),
                         {}},
        1);
    worker_->listen({front.fd, 0, false, false, nullptr});
    thread_ = std::thread([this] {
      counted_thread = true;
      worker_->run();
    });
    client_ = connect_to(front_endpoint);
    send_all(client_, "GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    server_ = accept_from(backend.fd);
    ::close(backend.fd);
    ASSERT_GE(server_, 0);
    read_until(server_, "\r\n\r\n");
    send_all(server_, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    ASSERT_NE(read_until(client_, "\r\n\r\n").find("200 OK"), std::string::npos);
  }

  void TearDown() override {
    ::close(client_);
    ::close(server_);
    worker_->post_force();
    thread_.join();
    worker_.reset();
  }

  void pass_one_event() {
    send_all(server_, "9\r\ndata: x\n\n\r\n");
    ASSERT_EQ(read_until(client_, "\n\n\r\n"), "9\r\ndata: x\n\n\r\n");
  }

  std::unique_ptr<observe::Log> log_;
  Census census_;
  std::unique_ptr<Worker> worker_;
  std::thread thread_;
  int client_ = -1;
  int server_ = -1;
};

TEST_F(EventPath, AllocatesNothing) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  for (int i = 0; i < 20; ++i) pass_one_event();  // Pools and scratch grow to their size.
  const std::uint64_t before = allocations.load();
  EXPECT_GT(before, 0U) << "the count does not see the worker's allocations";
  for (int i = 0; i < 500; ++i) pass_one_event();
  EXPECT_EQ(allocations.load() - before, 0U);
}

}  // namespace
}  // namespace sidecar::net
