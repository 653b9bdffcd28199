#include "net/admin.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "net/socket.hpp"

namespace sidecar::net {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using http::field;
using http::status;
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::io_context::executor_type>;

namespace {

constexpr std::chrono::seconds kPatience{5};      // From accepting a connection to its end.
constexpr std::chrono::milliseconds kPause{200};  // Out of file descriptors: how long accepting rests.
constexpr std::uint32_t kUserTimeoutMs = 10'000;
constexpr std::size_t kConnectionsMax = 32;
constexpr std::uint32_t kHeadBytesMax = 8 * 1024;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) return host;
  return host.substr(0, colon);
}

/// DNS rebinding: a stranger's page can make a browser ask an address of ours under a name of the stranger's. An
/// address cannot be rebound, and neither can the name that stands in our configuration.
bool is_own_host(std::string_view host, std::string_view configured) {
  const std::string_view name = without_port(host);
  ErrorCode wrong;
  if (name.starts_with('[') && name.ends_with(']')) {
    asio::ip::make_address_v6(name.substr(1, name.size() - 2), wrong);
    return !wrong;
  }
  asio::ip::make_address_v4(name, wrong);
  return !wrong || beast::iequals(name, "localhost") || (!configured.empty() && beast::iequals(name, configured));
}

/// Bound where only this machine can reach it.
bool is_local(const Endpoint& endpoint) {
  if (endpoint.address.ss_family == AF_UNIX) return true;
  if (endpoint.address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(endpoint.address);
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)).is_loopback();
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(endpoint.address);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

Endpoint bound_to(int fd) {
  Endpoint endpoint;
  endpoint.size = sizeof endpoint.address;
  ::getsockname(fd, endpoint.data(), &endpoint.size);
  return endpoint;
}

}  // namespace

/// What a path has to say. Nothing that came from outside may stand in it unescaped.
struct Admin::Answer {
  http::status code = status::ok;
  std::string body;
};

/// One request, one response, and the end: nobody asks often enough for a connection to be worth keeping.
class Admin::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(const Admin& admin, Stream::socket_type socket) : admin_(admin), stream_(std::move(socket)) {}

  void start() {
    parser_.header_limit(kHeadBytesMax);
    parser_.body_limit(boost::none);  // Bodies are never read into memory, see drain().
    stream_.expires_after(kPatience);
    http::async_read_header(stream_, buffer_, parser_,
                            [self = shared_from_this()](const ErrorCode& error, std::size_t) { self->on_head(error); });
  }

  /// From here on `admin_` is not touched any more.
  void close() { stream_.close(); }

 private:
  void on_head(const ErrorCode& error) {
    if (!stream_.socket().is_open() || error == http::error::end_of_stream) return;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      respond({status::request_header_fields_too_large, "the request head is too long\n"});
    } else if (error.category() == http::make_error_code(http::error::bad_method).category()) {
      respond({status::bad_request, "not an HTTP/1.1 request\n"});
    } else if (!error) {
      respond(judge());
    }
  }

  Answer judge() {
    const auto& request = parser_.get();
    const std::size_t hosts = request.count(field::host);
    // An HTTP/1.0 probe may have no Host; browsers, who alone can be misled, always send one.
    if (hosts > 1 || (hosts == 0 && request.version() >= 11)) return {status::bad_request, "one Host is needed\n"};
    if (hosts == 1 && !is_own_host(view(request[field::host]), admin_.address_.host)) {
      return {status::misdirected_request, "ask by address, as localhost, or by the configured name\n"};
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      response_.set(field::allow, "GET, HEAD");
      return {status::method_not_allowed, "only GET and HEAD\n"};
    }
    const std::string_view target = view(request.target());
    return admin_.answer(target.substr(0, target.find('?')));
  }

  void respond(Answer answer) {
    response_.result(answer.code);
    response_.set(field::content_type, "text/plain; charset=utf-8");
    response_.set(field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.set("Content-Security-Policy", "default-src 'none'");
    response_.content_length(answer.body.size());
    response_.keep_alive(false);
    if (parser_.get().method() != http::verb::head) response_.body() = std::move(answer.body);
    http::async_write(stream_, response_, [self = shared_from_this()](const ErrorCode& error, std::size_t) {
      if (error) return;
      ErrorCode gone;
      self->stream_.socket().shutdown(asio::socket_base::shutdown_send, gone);
      self->drain();
    });
  }

  /// A close with unread bytes would be a reset, and a reset destroys what was sent: reads on until the client closes
  /// or its time is over.
  void drain() {
    stream_.async_read_some(asio::buffer(waste_), [self = shared_from_this()](const ErrorCode& error, std::size_t) {
      if (!error) self->drain();
    });
  }

  const Admin& admin_;
  Stream stream_;
  beast::flat_buffer buffer_{kHeadBytesMax};
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> response_;
  std::array<char, 1024> waste_;
};

Admin::Admin(asio::io_context& io, observe::Log& log, Ready ready)
    : io_(io), log_(log), ready_(std::move(ready)), listener_(io.get_executor()), pause_(io) {}

Admin::~Admin() {
  stop();
}

bool Admin::start(const config::AdminConfig& config) {
  if (!config.address) return true;
  address_ = *config.address;
  const Opened opened = open_listener(address_, kUserTimeoutMs);
  if (opened.fd < 0 && config.configured) {
    std::fprintf(stderr, "sse-sidecar: admin: %s\n", opened.error.c_str());
    return false;
  }
  if (opened.fd < 0) {
    log_.message(observe::Level::warn, "no admin listener: " + opened.error + " (choose another with --admin, or off)");
    return true;
  }
  const Endpoint endpoint = bound_to(opened.fd);
  family_ = endpoint.address.ss_family;
  listener_.assign(opened.fd);
  log_.admin_listening(opened.address);
  if (!is_local(endpoint)) {
    log_.message(observe::Level::warn, "the admin listener at " + opened.address +
                                           " can be reached from other machines, and asks nobody for a password");
  }
  accept();
  return true;
}

void Admin::stop() {
  if (!listener_.is_open()) return;
  ErrorCode ignored;
  listener_.close(ignored);
  if (!address_.unix_path.empty()) ::unlink(address_.unix_path.c_str());
  pause_.cancel();
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->close();
  }
  connections_.clear();
}

void Admin::accept() {
  listener_.async_wait(asio::posix::descriptor_base::wait_read, [this](const ErrorCode& error) {
    if (!error && listener_.is_open()) accept_some();
  });
}

void Admin::accept_some() {
  for (std::size_t i = 0; i < kConnectionsMax; ++i) {
    const int fd = ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take(fd);
    } else if (is_exhaustion(errno)) {
      pause_.expires_after(kPause);
      pause_.async_wait([this](const ErrorCode& error) {
        if (!error && listener_.is_open()) accept();
      });
      return;
    } else {
      break;  // EAGAIN, or a connection that was gone before it was accepted.
    }
  }
  accept();
}

void Admin::take(int fd) {
  connections_.remove_if([](const auto& weak) { return weak.expired(); });
  if (connections_.size() == kConnectionsMax) {  // The oldest has had the most time to speak.
    if (const auto oldest = connections_.front().lock()) oldest->close();
    connections_.pop_front();
  }
  auto connection = std::make_shared<Connection>(*this, Stream::socket_type(io_, Protocol(family_, 0), fd));
  connections_.push_back(connection);
  connection->start();
}

Admin::Answer Admin::answer(std::string_view path) const {
  if (path == "/livez") return {status::ok, "ok\n"};
  if (path == "/readyz")
    return ready_() ? Answer{status::ok, "ok\n"} : Answer{status::service_unavailable, "draining\n"};
  return {status::not_found, "not found\n"};
}

}  // namespace sidecar::net
