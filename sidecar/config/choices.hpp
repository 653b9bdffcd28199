#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/parsed.hpp"
#include "config/words.hpp"

/// The words for every enumeration, in both directions.
namespace sidecar::config {

template <class Enum>
struct Choice {
  std::string_view word;
  Enum value;
};

template <class Enum, std::size_t N>
using Choices = std::array<Choice<Enum>, N>;

inline constexpr Choices<bool, 2> kBooleans{{{"true", true}, {"false", false}}};

inline constexpr Choices<LogLevel, 6> kLogLevels{{{"trace", LogLevel::trace},
                                                  {"debug", LogLevel::debug},
                                                  {"info", LogLevel::info},
                                                  {"warn", LogLevel::warn},
                                                  {"error", LogLevel::error},
                                                  {"off", LogLevel::off}}};

inline constexpr Choices<LogFormat, 3> kLogFormats{
    {{"auto", LogFormat::automatic}, {"json", LogFormat::json}, {"text", LogFormat::text}}};

inline constexpr Choices<Http2, 2> kHttp2{{{"downgrade", Http2::downgrade}, {"translate", Http2::translate}}};

inline constexpr Choices<exchange::XForwarded, 3> kXForwarded{{{"keep", exchange::XForwarded::keep},
                                                               {"append", exchange::XForwarded::append},
                                                               {"set", exchange::XForwarded::set}}};

inline constexpr Choices<exchange::StripAcceptEncoding, 3> kStripAcceptEncoding{
    {{"auto", exchange::StripAcceptEncoding::automatic},
     {"always", exchange::StripAcceptEncoding::always},
     {"never", exchange::StripAcceptEncoding::never}}};

inline constexpr Choices<exchange::HeartbeatForm, 5> kHeartbeatForms{
    {{"comment", exchange::HeartbeatForm::comment},
     {"comment_line", exchange::HeartbeatForm::comment_line},
     {"event", exchange::HeartbeatForm::event},
     {"bytes", exchange::HeartbeatForm::bytes},
     {"off", exchange::HeartbeatForm::off}}};

inline constexpr Choices<exchange::AfterError, 2> kAfterError{
    {{"close", exchange::AfterError::close}, {"hold", exchange::AfterError::hold}}};

inline constexpr Choices<exchange::LogPath, 2> kLogPaths{
    {{"full", exchange::LogPath::full}, {"pattern", exchange::LogPath::pattern}}};

inline constexpr Choices<exchange::UnsafeMethods, 2> kUnsafeMethods{
    {{"fresh", exchange::UnsafeMethods::fresh}, {"reuse", exchange::UnsafeMethods::reuse}}};

template <class Enum, std::size_t N>
[[nodiscard]] Parsed<Enum> parse_choice(std::string_view text, const Choices<Enum, N>& choices) {
  std::vector<std::string_view> words;
  for (const auto& choice : choices) {
    if (choice.word == text) return choice.value;
    words.push_back(choice.word);
  }
  return Parsed<Enum>::refused(in_quotes(text) + " is none of " + joined(words, " and ") + did_you_mean(text, words));
}

template <class Enum, std::size_t N>
[[nodiscard]] std::string_view word_for(Enum value, const Choices<Enum, N>& choices) {
  for (const auto& choice : choices) {
    if (choice.value == value) return choice.word;
  }
  return {};
}

}  // namespace sidecar::config
