#include "config/environment.hpp"

#include <algorithm>
#include <utility>

#include "config/words.hpp"

namespace sidecar::config {
namespace {

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || digit(c); });
}

/// `reference` is what stands between `${` and `}`.
Parsed<std::string> value_of(std::string_view reference, const EnvironmentLookup& environment) {
  using Result = Parsed<std::string>;
  const std::size_t colon = reference.find(":-");
  const std::string_view name = reference.substr(0, colon);
  if (!is_name(name)) {
    return Result::refused(in_quotes("${" + std::string(reference) + "}") +
                           " is not a variable (write ${NAME} or ${NAME:-default}; $${ stands for a literal ${)");
  }
  if (reference.substr(name.size()).find("${") != std::string_view::npos) {
    return Result::refused("the default of ${" + std::string(name) + "} must not contain another ${");
  }
  auto value = environment(name);
  if (colon != std::string_view::npos && (!value || value->empty())) {
    return std::string(reference.substr(colon + 2));
  }
  if (!value) {
    return Result::refused("the environment variable " + std::string(name) + " is not set (${" + std::string(name) +
                           ":-default} would give it a default)");
  }
  if (!is_utf8(*value)) {
    return Result::refused("the environment variable " + std::string(name) + " is not UTF-8");
  }
  return std::move(*value);
}

}  // namespace

Parsed<Expanded> expand(std::string_view text, const EnvironmentLookup& environment) {
  using Result = Parsed<Expanded>;
  Expanded out;
  while (!text.empty()) {
    if (text.starts_with("$${")) {
      out.text += "${";
      text.remove_prefix(3);
    } else if (text.starts_with("${")) {
      const std::size_t end = text.find('}');
      if (end == std::string_view::npos) return Result::refused(in_quotes(text) + " lacks the closing }");
      Parsed<std::string> value = value_of(text.substr(2, end - 2), environment);
      if (!value.value) return Result::refused(std::move(value.why));
      out.text += *value.value;
      out.changed = true;
      text.remove_prefix(end + 1);
    } else {
      out.text += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

std::string escape_expansion(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) escaped += '$';
    escaped += text[i];
  }
  return escaped;
}

}  // namespace sidecar::config
