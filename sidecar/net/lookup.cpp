#include "net/lookup.hpp"

#include <system_error>
#include <thread>
#include <utility>

namespace sidecar::net {

Lookup::~Lookup() {
  const std::lock_guard lock(door_->mutex);
  door_->loop = nullptr;
}

void Lookup::ask(std::string host, std::uint16_t port, Answer answer) {
  const auto deliver = [](Door& door, Answer&& to, std::vector<Endpoint>&& found) {
    const std::lock_guard lock(door.mutex);
    if (door.loop == nullptr) return;
    door.loop->post([to = std::move(to), found = std::move(found)]() mutable { to(std::move(found)); });
  };
  try {
    std::thread([=, door = door_, host = std::move(host)]() mutable {
      deliver(*door, std::move(answer), resolve_now(host, port));
    }).detach();
  } catch (const std::system_error&) {  // No thread to be had: as good as a resolver that fails.
    deliver(*door_, std::move(answer), {});
  }
}

}  // namespace sidecar::net
