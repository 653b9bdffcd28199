#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

// The floor: what it costs to carry the bytes from one socket to another and back with epoll, and nothing else. It
// knows no HTTP. With --heartbeats it is the floor of these: a bare `send` to each client, a twentieth of them at a
// time. With --fault it is a bad proxy on purpose, to show that the load generator notices.
namespace {

struct Settings {
  std::uint16_t listen = 0;
  std::uint16_t upstream = 0;
  std::string certificate;
  std::string key;
  int workers = 1;
  bool heartbeats = false;  ///< One a second for each client that has had bytes of the upstream, all in one chunk.
  std::string fault;        ///< drop, repeat, change, cut: done to one read of the upstream in `fault_every`;
                            ///< keep: a client's FIN is not noticed.
  std::uint64_t fault_every = 100;
};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): what the socket API asks for
int make_listener(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback(port);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(fd, SOMAXCONN) != 0) fail("listen");
  return fd;
}

int begin_connect(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS)
    return fd;
  ::close(fd);
  return -1;
}
// NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)

struct Pair;

/// One socket of a pair.
struct End {
  Pair* pair = nullptr;
  End* other = nullptr;
  SSL* tls = nullptr;
  std::string* unsent = nullptr;  ///< What this socket did not take; there only while there is some.
  int fd = -1;
  bool unread = false;  ///< The last read filled the buffer, or stopped because the other side is full.
};

struct Pair {
  End client;
  End upstream;
  bool closed = false;
  bool heard = false;  ///< The client has had bytes of the upstream.
};

class Relay {
 public:
  explicit Relay(const Settings& settings, int listener, SSL_CTX* tls)
      : settings_(settings), listener_(listener), tls_(tls), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  [[noreturn]] void run() {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.ptr = nullptr;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0) fail("epoll_ctl");
    for (;;) {
      const int count = epoll_wait(epoll_, ready_.data(), static_cast<int>(ready_.size()), until_beat());
      for (int i = 0; i < count; ++i) {
        const epoll_event& one = ready_.at(static_cast<std::size_t>(i));
        if (one.data.ptr == nullptr) {
          // With several workers the next one is for whoever is free.
          while (accept() && settings_.workers == 1) continue;
        } else {
          on_ready(*static_cast<End*>(one.data.ptr), one.events);
        }
      }
      for (const Pair* pair : graves_) {
        std::erase(beaten_, pair);
        delete pair;
      }
      graves_.clear();
      if (settings_.heartbeats && until_beat() == 0) beat();
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// In milliseconds; -1: never.
  [[nodiscard]] int until_beat() const {
    if (!settings_.heartbeats) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_beat_ - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  /// To the next twentieth of the clients.
  void beat() {
    static constexpr std::size_t kParts = 20;
    const std::size_t part = beats_++ % kParts;
    const std::size_t end = beaten_.size() * (part + 1) / kParts;
    for (std::size_t i = beaten_.size() * part / kParts; i < end; ++i) {
      if (!beaten_[i]->closed) static_cast<void>(write(beaten_[i]->client, "d\r\n: heartbeat\n\n\r\n"));
    }
    next_beat_ += std::chrono::milliseconds(1000 / kParts);
  }

  /// False: nobody waits.
  bool accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return false;
    const int upstream = begin_connect(settings_.upstream);
    if (upstream < 0) {
      ::close(fd);
      return true;
    }
    auto* pair = new Pair;
    pair->client = {pair, &pair->upstream, nullptr, nullptr, fd, false};
    pair->upstream = {pair, &pair->client, nullptr, nullptr, upstream, false};
    if (tls_ != nullptr) {
      pair->client.tls = SSL_new(tls_);
      SSL_set_fd(pair->client.tls, fd);
      SSL_set_accept_state(pair->client.tls);
    }
    for (End* end : {&pair->client, &pair->upstream}) {
      const int on = 1;
      setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
      event.data.ptr = end;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, end->fd, &event);
    }
    return true;
  }

  void on_ready(End& end, std::uint32_t events) {
    if (end.pair->closed) return;
    if ((events & EPOLLOUT) != 0 && end.unsent != nullptr && !flush(end)) return close(*end.pair);
    // Room here may be what the other side waits for.
    if ((events & EPOLLOUT) != 0 && end.unsent == nullptr && end.other->unread && !carry(*end.other)) {
      return close(*end.pair);
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && !carry(end)) close(*end.pair);
  }

  /// From `end` to the other one, until there is no more or it takes no more. False: the connection has ended.
  bool carry(End& end) {
    end.unread = false;
    for (;;) {
      if (end.other->unsent != nullptr) {
        end.unread = true;
        return true;
      }
      const long size = read(end);
      if (size == 0) return true;
      if (size < 0) return false;
      std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
      if (!settings_.fault.empty() && &end == &end.pair->upstream && !do_fault(bytes, *end.other)) return false;
      if (!send(*end.other, bytes)) return false;
      if (settings_.heartbeats && &end == &end.pair->upstream && !std::exchange(end.pair->heard, true)) {
        beaten_.push_back(end.pair);
      }
      if (end.tls == nullptr && bytes.size() < buffer_.size()) return true;
    }
  }

  /// Bytes read; 0: none now; -1: the end.
  long read(End& end) {
    if (end.tls == nullptr) {
      const ssize_t size = ::recv(end.fd, buffer_.data(), buffer_.size(), 0);
      if (size > 0) return size;
      if (size == 0 && settings_.fault == "keep" && &end == &end.pair->client) return 0;
      return size < 0 && errno == EAGAIN ? 0 : -1;
    }
    const int size = SSL_read(end.tls, buffer_.data(), static_cast<int>(buffer_.size()));
    return size > 0 ? size : wants(end, size) ? 0 : -1;
  }

  static bool wants(const End& end, int result) {
    const int error = SSL_get_error(end.tls, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }

  bool send(End& end, std::string_view bytes) {
    if (end.unsent == nullptr) {
      const long sent = write(end, bytes);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (bytes.empty()) return true;
      end.unsent = new std::string;
    }
    end.unsent->append(bytes);
    return true;
  }

  static long write(const End& end, std::string_view bytes) {
    if (end.tls == nullptr) {
      const ssize_t size = ::send(end.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      return size < 0 && (errno == EAGAIN || errno == ENOTCONN) ? 0 : size;
    }
    if (bytes.empty()) return 0;
    const int size = SSL_write(end.tls, bytes.data(), static_cast<int>(bytes.size()));
    return size > 0 ? size : wants(end, size) ? 0 : -1;
  }

  static bool flush(End& end) {
    const long sent = write(end, *end.unsent);
    if (sent < 0) return false;
    end.unsent->erase(0, static_cast<std::size_t>(sent));
    if (!end.unsent->empty()) return true;
    delete end.unsent;
    end.unsent = nullptr;
    return true;
  }

  /// What a bad proxy would do to these bytes. False: it breaks off.
  bool do_fault(std::string_view& bytes, End& client) {
    if (++reads_ % settings_.fault_every != 0) return true;
    if (settings_.fault == "drop") bytes = {};
    if (settings_.fault == "repeat") return send(client, bytes);
    if (settings_.fault == "change") buffer_[bytes.size() - 8] ^= 1;
    if (settings_.fault == "cut") {
      static_cast<void>(send(client, bytes.substr(0, bytes.size() / 2)));
      return false;
    }
    return true;
  }

  void close(Pair& pair) {
    pair.closed = true;
    for (End* end : {&pair.client, &pair.upstream}) {
      SSL_free(end->tls);
      delete end->unsent;
      ::close(end->fd);
    }
    graves_.push_back(&pair);
  }

  const Settings& settings_;
  int listener_;
  SSL_CTX* tls_;
  int epoll_;
  std::uint64_t reads_ = 0;
  std::vector<Pair*> beaten_;
  std::size_t beats_ = 0;
  Clock::time_point next_beat_ = Clock::now();
  std::array<epoll_event, 256> ready_{};
  std::vector<const Pair*> graves_;
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
};

SSL_CTX* make_context(const Settings& settings) {
  if (settings.certificate.empty()) return nullptr;
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("the certificate or its key cannot be used");
  }
  return context;
}

Settings parse(int argc, char** argv) {
  std::map<std::string, std::string> words;
  for (int i = 1; i + 1 < argc; i += 2) words[argv[i]] = argv[i + 1];
  Settings settings;
  settings.listen = static_cast<std::uint16_t>(std::stoul(words["--listen"]));
  settings.upstream = static_cast<std::uint16_t>(std::stoul(words["--upstream"]));
  settings.certificate = words["--tls-certificate"];
  settings.key = words["--tls-key"];
  settings.fault = words["--fault"];
  if (words.contains("--fault-every")) settings.fault_every = std::stoul(words["--fault-every"]);
  settings.heartbeats = words.contains("--heartbeats");
  if (words.contains("--workers")) settings.workers = std::stoi(words["--workers"]);
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Settings settings = parse(argc, argv);
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const int listener = make_listener(settings.listen);
    SSL_CTX* tls = make_context(settings);
    for (int i = 1; i < settings.workers; ++i) {
      if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        break;
      }
    }
    Relay(settings, listener, tls).run();
  } catch (const std::exception& error) {
    std::cerr << "bench_relay: " << error.what() << '\n';
    return 1;
  }
}
