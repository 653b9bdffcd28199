#include "http/h2_field_list.hpp"

#include <utility>

namespace sidecar::http {

void H2FieldList::add(std::string_view name, std::string_view value, std::size_t size_max) {
  static constexpr std::size_t kOverhead = 32;
  size_ += name.size() + value.size() + kOverhead;
  if (name == ":method") of_head_request_ = value == "HEAD";
  if (refusal_) return;
  if (size_ > size_max) {
    refusal_ = name == ":path" ? Refusal{414, "the request target is too long"} : Refusal{431, "the head is too long"};
    std::string().swap(text_);
    std::vector<Sizes>().swap(sizes_);
    return;
  }
  text_.append(name).append(value);
  sizes_.push_back({static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
}

void H2FieldList::unpack(std::size_t spare, std::string& text, std::vector<Field>& fields) {
  text = std::exchange(text_, {});
  text.reserve(text.size() + spare);
  fields.clear();
  std::string_view rest = text;
  for (const Sizes& sizes : sizes_) {
    fields.push_back({rest.substr(0, sizes.name), rest.substr(sizes.name, sizes.value)});
    rest.remove_prefix(sizes.name + sizes.value);
  }
  std::vector<Sizes>().swap(sizes_);
}

}  // namespace sidecar::http
