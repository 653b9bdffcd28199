#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/lifecycle.hpp"
#include "observe/level.hpp"

/// What a log line looks like. Pure: the time comes in, and nothing is written anywhere. No function appends the
/// newline.
namespace sidecar::observe {

enum class LineFormat : std::uint8_t {
  json,  ///< {"ts":"2026-11-21T03:22:11.123Z","level":"info","event":"stream_close","id":"0000000000000001",...}
  text,  ///< 2026-11-21T03:22:11.123Z INFO stream_close id=0000000000000001 ...; what is unknown is left out.
};

using WallTime = std::chrono::system_clock::time_point;

// What a value may take in a line, after escaping; so a line has a known greatest length.
inline constexpr std::size_t kPathBytesMax = 2048;
inline constexpr std::size_t kNameBytesMax = 256;
inline constexpr std::size_t kMessageBytesMax = 4096;

/// Heartbeats are debug, all else is info.
[[nodiscard]] Level level_of(exchange::LifecycleEvent event);

/// Appends the line of one lifecycle record. `path` stands for `record.target`, which may hold secrets and is
/// never printed. Keys and their order are the same in every line of an event, except that a `request` says why and
/// through whom it ended only when it did not complete, and that `detail` is there only when there is one.
void append_record(std::string& out, LineFormat format, WallTime now, const exchange::LifecycleRecord& record,
                   std::string_view path);

/// Appends an ordinary message: event `message`, key `message`.
void append_message(std::string& out, LineFormat format, WallTime now, Level level, std::string_view message);

/// Appends that a listener is open at `address`: `event` (`listening`, `admin_listening`), key `address`.
void append_listening(std::string& out, LineFormat format, WallTime now, std::string_view event,
                      std::string_view address);

/// Appends the confession that `count` lines were lost: event `log_dropped`, key `dropped`.
void append_dropped(std::string& out, LineFormat format, WallTime now, std::uint64_t count);

}  // namespace sidecar::observe
