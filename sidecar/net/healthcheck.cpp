#include "net/healthcheck.hpp"

#include <charconv>
#include <exception>
#include <future>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "net/asio.hpp"
#include "net/socket.hpp"

namespace sidecar::net {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRequest = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
constexpr std::size_t kLineBytesMax = 256;  // A peer that speaks something else must not fill our memory.
constexpr int kReady = 200;

/// Somebody who listens everywhere listens on loopback too.
std::string host_to_ask(const std::string& host) {
  if (host.empty()) return "127.0.0.1";
  boost::system::error_code name;
  const auto address = asio::ip::make_address(host, name);
  if (name || !address.is_unspecified()) return host;
  return address.is_v6() ? "::1" : "127.0.0.1";
}

std::vector<Endpoint> endpoints_of(const config::ListenAddress& address) {
  if (address.unix_path.empty()) return resolve_now(host_to_ask(address.host), address.port);
  std::vector<Endpoint> one(1);
  if (!unix_endpoint(address.unix_path, one[0])) one.clear();
  return one;
}

/// The code of `HTTP/1.1 200 OK`; 0: that is no status line.
int status_in(std::string_view line) {
  static constexpr std::string_view kVersion = "HTTP/1.1 ";
  int status = 0;
  if (!line.starts_with(kVersion)) return status;
  line.remove_prefix(kVersion.size());
  std::from_chars(line.data(), line.data() + line.size(), status);
  return status;
}

/// Blocks for as long as the peer likes. Empty: ready.
std::string ask_at(const config::ListenAddress& address) {
  asio::io_context io;
  asio::generic::stream_protocol::socket socket(io);
  boost::system::error_code error = asio::error::host_not_found;
  for (const Endpoint& endpoint : endpoints_of(address)) {
    boost::system::error_code ignored;
    socket.close(ignored);
    socket.connect({endpoint.data(), endpoint.size}, error);
    if (!error) break;
  }
  if (error)
    return error == asio::error::host_not_found ? "the name is not known" : "cannot be reached: " + error.message();
  asio::write(socket, asio::buffer(kRequest), error);
  std::string line;
  if (!error) asio::read_until(socket, asio::dynamic_buffer(line, kLineBytesMax), '\n', error);
  const int status = error ? 0 : status_in(line);
  if (status == 0) return "no answer that can be understood";
  return status == kReady ? std::string() : "not ready: the answer is " + std::to_string(status);
}

}  // namespace

std::string ask_whether_ready(const config::AdminConfig& admin, milliseconds limit) {
  if (!admin.address) {
    return "the admin listener is off, nobody can be asked (admin.address in the configuration, --admin, "
           "SSE_SIDECAR_ADMIN)";
  }
  const std::string& name = admin.address->text;
  if (admin.address->port == 0 && admin.address->unix_path.empty()) {
    return name + ": port 0 is any free port; give --admin with the port that is in use";
  }
  // Nothing ends a lookup of a name that takes its time; so all of it happens on a thread that can be left behind.
  std::packaged_task<std::string()> asking([address = *admin.address] { return ask_at(address); });
  std::future<std::string> told = asking.get_future();
  std::thread(std::move(asking)).detach();
  const std::string late = "no answer within " + std::to_string(limit.count()) + " ms";
  std::string why;
  try {
    why = told.wait_for(limit) == std::future_status::ready ? told.get() : late;
  } catch (const std::exception& error) {
    why = error.what();
  }
  return why.empty() ? why : name + ": " + why;
}

}  // namespace sidecar::net
