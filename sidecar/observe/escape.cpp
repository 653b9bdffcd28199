#include "observe/escape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sidecar::observe {
namespace {

/// One character at the front of a byte string.
struct Character {
  char32_t code = 0;
  std::size_t length = 1;
  bool valid = true;
};

constexpr std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

/// Length of the sequence that `lead` begins, and the range of its second byte (Unicode 15, table 3-7: this excludes
/// overlong forms, surrogates and what lies beyond U+10FFFF). Length 0: it begins none.
struct Lead {
  std::size_t length = 0;
  std::uint8_t second_min = 0x80;
  std::uint8_t second_max = 0xBF;
};

constexpr Lead lead_of(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {.length = 2};
  if (byte == 0xE0) return {.length = 3, .second_min = 0xA0};
  if (byte == 0xED) return {.length = 3, .second_max = 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {.length = 3};
  if (byte == 0xF0) return {.length = 4, .second_min = 0x90};
  if (byte == 0xF4) return {.length = 4, .second_max = 0x8F};
  if (byte >= 0xF1 && byte <= 0xF3) return {.length = 4};
  return {};
}

/// Decodes the character at the front of `bytes`, which is not empty. Of an ill-formed sequence `length` is the
/// maximal subpart, as decoders of the web count replacement characters.
constexpr Character decode(std::string_view bytes) {
  const std::uint8_t first = byte_at(bytes, 0);
  if (first < 0x80) return {.code = first};
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {.valid = false};
  char32_t code = first & (0x7FU >> lead.length);
  for (std::size_t at = 1; at < lead.length; ++at) {
    const std::uint8_t min = at == 1 ? lead.second_min : 0x80;
    const std::uint8_t max = at == 1 ? lead.second_max : 0xBF;
    if (at >= bytes.size() || byte_at(bytes, at) < min || byte_at(bytes, at) > max) {
      return {.length = at, .valid = false};
    }
    code = (code << 6) | (byte_at(bytes, at) & 0x3FU);
  }
  return {.code = code, .length = lead.length};
}

/// Characters that would act on a reader's terminal or viewer, or that lie about the order of what is shown.
constexpr bool must_escape(char32_t code) {
  if (code < 0x20 || code == U'"' || code == U'\\') return true;
  if (code >= 0x7F && code <= 0x9F) return true;      // DEL and C1
  if (code == 0x061C || code == 0xFEFF) return true;  // Arabic letter mark, byte order mark
  if (code >= 0x200B && code <= 0x200F) return true;  // zero width, direction marks
  if (code >= 0x2028 && code <= 0x202E) return true;  // line and paragraph separator, embeddings, overrides
  return code >= 0x2060 && code <= 0x206F;            // isolates, invisible operators
}

/// The escape of one character. All that are escaped lie in the basic plane.
struct Escape {
  std::array<char, 6> text{};
  std::size_t length = 0;

  [[nodiscard]] constexpr std::string_view view() const { return {text.data(), length}; }
};

constexpr Escape escape_of(char32_t code) {
  const auto short_form = [](char letter) { return Escape{.text = {'\\', letter}, .length = 2}; };
  switch (code) {
    case U'"':
      return short_form('"');
    case U'\\':
      return short_form('\\');
    case U'\b':
      return short_form('b');
    case U'\f':
      return short_form('f');
    case U'\n':
      return short_form('n');
    case U'\r':
      return short_form('r');
    case U'\t':
      return short_form('t');
    default:
      break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  return {
      .text = {'\\', 'u', kHex[(code >> 12) & 0xF], kHex[(code >> 8) & 0xF], kHex[(code >> 4) & 0xF], kHex[code & 0xF]},
      .length = 6};
}

enum Kind : std::uint8_t { escaped, quoted, bare };

constexpr auto kKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) kinds.at(c) = bare;
  kinds['"'] = kinds['\\'] = escaped;
  kinds[' '] = kinds['='] = quoted;
  return kinds;
}();

/// The least plain of them decides; a loop without branches.
std::uint8_t kind_of(std::string_view value) {
  std::uint8_t least = bare;
  for (const char c : value) least = std::min(least, kKinds[static_cast<std::uint8_t>(c)]);
  return least;
}

constexpr bool is_plain_character(char c) {
  return kKinds[static_cast<std::uint8_t>(c)] != escaped;
}

void append_escaped(std::string& out, std::string_view value, std::size_t bytes_max) {
  std::size_t room = bytes_max;
  while (!value.empty()) {
    const std::string_view fits = value.substr(0, room);
    const auto stop = std::find_if_not(fits.begin(), fits.end(), is_plain_character);
    const auto run = static_cast<std::size_t>(stop - fits.begin());
    out.append(value.substr(0, run));
    value.remove_prefix(run);
    room -= run;
    if (value.empty()) return;

    const Character character = decode(value);
    const Escape escape = character.valid ? escape_of(character.code) : escape_of(0xFFFD);
    const std::string_view unit =
        character.valid && !must_escape(character.code) ? value.substr(0, character.length) : escape.view();
    if (unit.size() > room) {
      out.append(kEllipsis);
      return;
    }
    out.append(unit);
    value.remove_prefix(character.length);
    room -= unit.size();
  }
}

}  // namespace

bool is_plain(std::string_view value) {
  return kind_of(value) != escaped;
}

void append_json_string(std::string& out, std::string_view value, std::size_t bytes_max) {
  out.push_back('"');
  append_escaped(out, value, bytes_max);
  out.push_back('"');
}

void append_text_token(std::string& out, std::string_view value, std::size_t bytes_max) {
  if (!value.empty() && value.size() <= bytes_max && kind_of(value) == bare) {
    out.append(value);
    return;
  }
  append_json_string(out, value, bytes_max);
}

}  // namespace sidecar::observe
