#pragma once

#include <string>
#include <string_view>

/// What must hold for any bytes of a client of HTTP/2 and any behaviour of the exchanges that answer it, for the
/// property test and the fuzz target:
///
///   1. No head reaches an exchange that the judgement over HTTP/1.1 refuses, no field with a control character, no two
///      Hosts; no more of a body than its length says, and no end before that.
///   2. Events come in order, a head first and nothing behind an end; nothing comes about a stream that was released.
///   3. What waits unread stays within the window of the connection, and what is told as memory bounds what is kept.
///   4. Everything that goes to the client is whole frames that can be decoded, and when it is over, nothing is left.
namespace sidecar::test {

/// How many bytes at the front say what exchanges do; the client's follow, behind a preface that is ours.
inline constexpr std::size_t kH2Choices = 16;

/// Empty, or what does not hold.
[[nodiscard]] std::string check_h2_client(std::string_view bytes);

}  // namespace sidecar::test
