#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sidecar::observe {

/// Takes secrets out of a request target before it is written down: the values of configured query parameters and
/// the userinfo of an absolute-form or authority-form target. In doubt it hides more, never less.
class QueryRedactor {
 public:
  static constexpr std::string_view kReplacement = "REDACTED";

  explicit QueryRedactor(std::vector<std::string> names);

  /// Appends `target` to `out`, otherwise byte for byte. Names compare whole, without case and percent-decoded;
  /// `name[]` and `name[0]` count as `name`. An empty value stays empty: it hides nothing and says something.
  void append_redacted(std::string& out, std::string_view target) const;

 private:
  void append_query(std::string& out, std::string_view query) const;
  [[nodiscard]] bool is_secret(std::string_view raw_name) const;

  std::vector<std::string> names_;  ///< Lower case, none empty.
};

}  // namespace sidecar::observe
