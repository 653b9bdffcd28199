#include "http/h2_response.hpp"

#include <string_view>

#include "http/field_names.hpp"
#include "http/fields.hpp"

namespace sidecar::http {

namespace {

/// Composes into a string that was reserved for all of it, so that views stay valid.
class Text {
 public:
  Text(std::string& text, Fields fields) : text_(text) {
    static constexpr std::size_t kStatusAndLength = 64;
    std::size_t size = kStatusAndLength;
    for (const Field& field : fields) size += field.name.size();
    text_.clear();
    text_.reserve(size);
  }

  std::string_view lower(std::string_view name) {
    const std::size_t start = text_.size();
    for (const char c : name) text_.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
    return std::string_view(text_).substr(start);
  }

  std::string_view number(std::uint64_t number) {
    const std::size_t start = text_.size();
    text_.append(std::to_string(number));
    return std::string_view(text_).substr(start);
  }

 private:
  std::string& text_;
};

}  // namespace

void to_h2_response(const ResponseHead& head, const BodySize& size, bool describes, std::string& text,
                    std::vector<Field>& out) {
  Text composed(text, head.fields);
  out.clear();
  out.push_back({":status", composed.number(static_cast<std::uint64_t>(head.status))});
  const bool has_length = size.kind == BodySize::Kind::length && !describes;
  bool written = false;
  for (const Field& field : head.fields) {
    if (is_hop_by_hop(field.name)) continue;
    if (!iequals(field.name, "Content-Length")) {
      out.push_back({composed.lower(field.name), trim(field.value)});
    } else if (has_length && !written) {
      out.push_back({"content-length", composed.number(size.length)});
      written = true;
    } else if (describes && !written) {
      out.push_back({"content-length", ListWalker(field.value).next().value_or("")});
      written = true;
    }
  }
  if (has_length && !written) out.push_back({"content-length", composed.number(size.length)});
}

void to_h2_trailers(Fields trailers, std::string& text, std::vector<Field>& out) {
  Text composed(text, trailers);
  out.clear();
  for (const Field& field : trailers) {
    if (is_token(field.name) && !is_forbidden_trailer(field.name)) {
      out.push_back({composed.lower(field.name), trim(field.value)});
    }
  }
}

}  // namespace sidecar::http
