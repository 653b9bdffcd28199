#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP/1.1 heads as a suspicious peer reads them: everything that a sender must not send is an exception. Written for
/// the tests, shares nothing with the program.
namespace sidecar::nettest {

using Field = std::pair<std::string, std::string>;

struct Head {
  std::string bytes;  ///< As received, with the empty line.
  std::string start_line;
  std::vector<Field> fields;  ///< In order, names as received, values without surrounding blanks.

  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return !values(name).empty(); }
  /// The value of a field that may stand there once; two are an exception, none is nullopt.
  [[nodiscard]] std::optional<std::string> field(std::string_view name) const;
  /// Whether a comma-separated field contains `token`, in any case.
  [[nodiscard]] bool lists(std::string_view name, std::string_view token) const;
  [[nodiscard]] int status() const;
  /// The start line and all fields but those of the framing, which every hop writes anew: a head to compare with.
  [[nodiscard]] std::string without_framing() const;
};

[[nodiscard]] Head parse_head(std::string bytes);
[[nodiscard]] std::vector<Field> parse_fields(std::string_view lines);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// RFC 9112 §6.3.
enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct BodyFraming {
  Framing framing = Framing::none;
  std::uint64_t length = 0;
};

/// How the body behind `head` is delimited. Contradictions are exceptions.
[[nodiscard]] BodyFraming framing_of_request(const Head& head);
[[nodiscard]] BodyFraming framing_of_response(const Head& head, std::string_view method);

}  // namespace sidecar::nettest
