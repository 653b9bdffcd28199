#include "tests/sse/law1.hpp"

#include <algorithm>

#include "sse/bom_filter.hpp"
#include "sse/insertion.hpp"
#include "sse/scanner.hpp"
#include "tests/support/random_stream.hpp"
#include "tests/support/whatwg_parser.hpp"

namespace sidecar::test {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::array<std::string_view, 3> kLineEnds = {"\n", "\r\n", "\r"};

/// Where the prefix of a stream stands, found out from all of its bytes anew and without the scanner.
sse::Position position_behind(std::string_view prefix) {
  if (prefix.empty() || prefix == kByteOrderMark) return sse::Position::boundary;
  if (prefix.starts_with(kByteOrderMark)) prefix.remove_prefix(kByteOrderMark.size());
  if (prefix.back() != '\n' && prefix.back() != '\r') return sse::Position::mid_line;
  const bool crlf = prefix.ends_with("\r\n");
  prefix.remove_suffix(crlf ? 2 : 1);
  const bool blank = prefix.empty() || prefix.back() == '\n' || prefix.back() == '\r';
  return blank ? sse::Position::boundary : sse::Position::inside_event;
}

/// The line ending an insertion must have behind this prefix: what law 2 says, again from all of the bytes.
std::string_view ending_behind(std::string_view prefix) {
  if (prefix.ends_with('\r')) return "\r";
  const std::size_t first = prefix.find_first_of("\r\n");
  if (first == std::string_view::npos) return "\n";
  return prefix.substr(first).starts_with("\r\n") ? "\r\n" : "\n";
}

class Run {
 public:
  Run(const Law1Case& test_case, Law1Counts& counts)
      : input_(test_case.stream), form_(test_case.form), counts_(counts) {}

  void arrive(std::size_t wanted) {
    const std::string_view bytes = input_.substr(arrived_, wanted);
    arrived_ += bytes.size();
    scanner_.scan(bytes);
    const sse::BomFilter::Passed passed = filter_.filter(bytes);
    write(passed.held);
    write(passed.rest);
  }

  void pause() {
    const std::string_view prefix = input_.substr(0, arrived_);
    const sse::Position position = position_behind(prefix);
    if (position != scanner_.position()) return fail("the scanner is wrong about the position");
    const std::string_view bytes = insertion().at(scanner_.position(), scanner_.insertion_ending());
    if (position == sse::Position::mid_line) {
      ++counts_.refused;
      if (!bytes.empty()) fail("an insertion inside a line");
      return;
    }
    const std::string_view ending = ending_behind(prefix);
    if (bytes != wanted(position, ending)) return fail("an insertion of the wrong shape: " + escape_bytes(bytes));
    if (bytes.empty()) {
      ++counts_.bytes_refused;
      return;
    }
    count(position, ending);
    if (form_ == Law1Form::event && position == sse::Position::boundary) ++injected_;
    inserted_first_ |= arrived_ == 0;
    filter_.on_insertion();
    output_ += bytes;
  }

  std::string finish() {
    write(filter_.finish());
    std::string_view expected = input_;
    const bool has_bom = expected.starts_with(kByteOrderMark);
    if (has_bom && inserted_first_) expected.remove_prefix(kByteOrderMark.size());
    if (has_bom) ++(inserted_first_ ? counts_.boms_dropped : counts_.boms_kept);
    if (without_insertions_ != expected) fail("bytes were lost, added or changed");

    const WhatwgResult in = parse_event_stream(input_);
    WhatwgResult out = parse_event_stream(output_);
    const std::size_t ours =
        std::erase_if(out.events, [](const WhatwgEvent& event) { return event.type == "~beat~" && event.data == "1"; });
    if (ours != injected_) fail("the client reads " + std::to_string(ours) + " heartbeats");
    if (in != out) fail("the client reads something else:\n" + describe(in) + "became\n" + describe(out));
    if (scanner_.events() != in.events.size()) fail("the scanner counted " + std::to_string(scanner_.events()));
    check_missing_end(in);
    counts_.events += in.events.size();
    if (failure_.empty()) return {};
    return failure_ + "\ninput  " + escape_bytes(input_) + "\noutput " + escape_bytes(output_);
  }

  [[nodiscard]] std::size_t left() const { return input_.size() - arrived_; }

 private:
  /// What completes the last event makes one more of it, and nothing else.
  void check_missing_end(const WhatwgResult& in) {
    const std::string_view missing = sse::missing_end(scanner_);
    if (missing.empty()) return;
    const WhatwgResult completed = parse_event_stream(std::string(input_) + std::string(missing));
    ++counts_.completed;
    if (completed.events.size() != in.events.size() + 1) return fail("the last event is not completed");
    if (!std::equal(in.events.begin(), in.events.end(), completed.events.begin())) fail("completing changes events");
    const std::vector<WhatwgEvent> events = parse_event_stream(output_ + std::string(missing)).events;
    if (events.empty() || events.back() != completed.events.back()) fail("behind insertions it is another");
  }

  [[nodiscard]] const sse::Insertion& insertion() const {
    static const std::array made = {sse::Insertion::comment("beat"), sse::Insertion::comment_line("beat"),
                                    sse::Insertion::event("~beat~", "1", "beat"), sse::Insertion::bytes(":b\n\n")};
    return made[static_cast<std::size_t>(form_)];
  }

  [[nodiscard]] std::string wanted(sse::Position position, std::string_view ending) const {
    const std::string end(ending);
    const bool boundary = position == sse::Position::boundary;
    switch (form_) {
      case Law1Form::comment:
        return ": beat" + end + (boundary ? end : "");
      case Law1Form::comment_line:
        return ": beat" + end;
      case Law1Form::event:
        return boundary ? "event: ~beat~" + end + "data: 1" + end + end : ": beat" + end;
      case Law1Form::bytes:
        return boundary ? ":b" + end + end : "";
    }
    return {};
  }

  void write(std::string_view bytes) {
    output_ += bytes;
    without_insertions_ += bytes;
  }

  void count(sse::Position position, std::string_view ending) {
    const auto index =
        static_cast<std::size_t>(std::find(kLineEnds.begin(), kLineEnds.end(), ending) - kLineEnds.begin());
    ++(position == sse::Position::boundary ? counts_.at_boundary : counts_.inside_event)[index];
    if (position == sse::Position::boundary) ++counts_.of_form[static_cast<std::size_t>(form_)];
    if (arrived_ == 0) ++counts_.before_first_byte;
    if (ending == "\r" && input_.substr(arrived_).starts_with('\n')) ++counts_.between_cr_and_lf;
  }

  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what + " (after " + std::to_string(arrived_) + " bytes)";
  }

  std::string_view input_;
  Law1Form form_;
  Law1Counts& counts_;
  std::size_t injected_ = 0;
  std::size_t arrived_ = 0;
  bool inserted_first_ = false;
  std::string output_;
  std::string without_insertions_;
  std::string failure_;
  sse::Scanner scanner_;
  sse::BomFilter filter_;
};

}  // namespace

std::string check_law1(const Law1Case& test_case, Law1Counts& counts) {
  Run run(test_case, counts);
  for (const Step& step : test_case.steps) {
    run.arrive(step.bytes);
    for (std::size_t i = 0; i < step.pauses; ++i) run.pause();
  }
  run.arrive(run.left());
  return run.finish();
}

Law1Case law1_case_from_bytes(std::string_view bytes) {
  if (bytes.empty()) return {};
  const std::size_t count = std::min<std::size_t>(static_cast<unsigned char>(bytes[0]) % 64U, bytes.size() - 1);
  const std::string_view plan = bytes.substr(1, count);
  Law1Case made{
      std::string(bytes.substr(1 + count)), {}, static_cast<Law1Form>(static_cast<unsigned char>(bytes[0]) / 64U)};

  std::size_t planned = 0;
  bool advances = true;  // A plan whose steps all bring no bytes is run once.
  for (std::size_t round = 0; advances && planned < made.stream.size() && !plan.empty(); ++round) {
    advances = false;
    for (const char c : plan) {
      const auto byte = static_cast<unsigned char>(c);
      const Step step{byte & 0x1FU, static_cast<std::size_t>(byte >> 5U) / 2};
      made.steps.push_back(step);
      planned += step.bytes;
      advances |= step.bytes > 0;
    }
  }
  return made;
}

std::vector<Step> random_steps(std::size_t stream_bytes, std::uint64_t seed) {
  Random random(seed);
  constexpr std::array<std::size_t, 5> kPieces = {2, 3, 8, 40, 400};
  const std::size_t piece = kPieces[random.below(kPieces.size())];
  std::vector<Step> steps;
  steps.push_back({0, random.one_in(3) ? random.below(3) : 0});
  std::size_t planned = 0;
  while (planned < stream_bytes) {
    const Step step{random.below(piece), random.one_in(2) ? random.below(3) : 0};
    steps.push_back(step);
    planned += step.bytes;
  }
  return steps;
}

}  // namespace sidecar::test
