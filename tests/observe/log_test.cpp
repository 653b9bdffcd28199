#include "observe/log.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "channels.hpp"
#include "json.hpp"

namespace sidecar::observe {
namespace {

using test::Channel;
using test::Fd;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kStorm = 3000;

LogOptions options_for(const Fd& fd) {
  return {.descriptor = fd.get(), .queue_lines = 64, .shutdown_limit = 100ms};
}

/// Logs kStorm numbered messages; the longest time that one call took.
Clock::duration storm(Log& log) {
  Clock::duration longest{0};
  for (int at = 0; at < kStorm; ++at) {
    const Clock::time_point begin = Clock::now();
    log.message(Level::info, std::to_string(at));
    longest = std::max(longest, Clock::now() - begin);
  }
  return longest;
}

Clock::duration time_shutdown(Log& log) {
  const Clock::time_point begin = Clock::now();
  log.shutdown();
  return Clock::now() - begin;
}

/// What a reader finds: every line whole, messages in order, and the losses confessed in between.
struct Account {
  std::uint64_t messages = 0;
  std::uint64_t confessed = 0;
  std::int64_t last = -1;
};

Account account_for(std::string_view text) {
  Account account;
  for (const std::string& line : test::split_lines(text)) {
    if (line.empty()) continue;  // from fill()
    const boost::json::object object = test::parse_line(line);
    if (object.contains("dropped")) {
      EXPECT_EQ(object.at("event").as_string(), "log_dropped");
      account.confessed += object.at("dropped").to_number<std::uint64_t>();
    } else {
      const std::int64_t number = std::stoll(std::string(object.at("message").as_string()));
      EXPECT_GT(number, account.last);
      account.last = number;
      ++account.messages;
    }
  }
  return account;
}

TEST(Log, WritesMessages) {
  const Fd file = test::make_file();
  Log log(options_for(file));
  log.message(Level::info, "listening on 0.0.0.0:8080");
  log.message(Level::warn, "two\nlines");
  log.shutdown();
  const std::vector<std::string> lines = test::split_lines(test::contents(file));
  ASSERT_EQ(lines.size(), 2u);
  const boost::json::object first = test::parse_line(lines[0]);
  EXPECT_EQ(test::keys_of(first), (std::vector<std::string>{"ts", "level", "event", "message"}));
  EXPECT_EQ(first.at("message").as_string(), "listening on 0.0.0.0:8080");
  EXPECT_EQ(test::parse_line(lines[1]).at("message").as_string(), "two\nlines");
  EXPECT_EQ(log.dropped(), 0u);
}

TEST(Log, Levels) {
  const Fd file = test::make_file();
  LogOptions options = options_for(file);
  options.level = Level::warn;
  Log log(options);
  EXPECT_FALSE(log.enabled(Level::info));
  EXPECT_TRUE(log.enabled(Level::warn));
  EXPECT_TRUE(log.enabled(Level::error));
  EXPECT_FALSE(log.enabled(Level::off));
  log.message(Level::info, "no");
  log.message(Level::error, "yes");
  log.set_level(Level::off);
  for (const Level level : {Level::trace, Level::error, Level::off}) {
    EXPECT_FALSE(log.enabled(level));
    log.message(level, "no");
    log.write(level, "no");
  }
  log.set_level(Level::trace);
  EXPECT_TRUE(log.enabled(Level::trace));
  log.message(Level::trace, "yes");
  log.shutdown();
  EXPECT_FALSE(log.enabled(Level::error));
  log.message(Level::error, "no");
  EXPECT_EQ(test::split_lines(test::contents(file)).size(), 2u);
  EXPECT_EQ(log.dropped(), 0u);
}

TEST(Log, FormatFollowsTheDescriptor) {
  const Channel terminal = test::make_terminal();
  const Channel pipe = test::make_pipe();
  EXPECT_EQ(Log(options_for(terminal.writer)).format(), LineFormat::text);
  EXPECT_EQ(Log(options_for(pipe.writer)).format(), LineFormat::json);
  LogOptions options = options_for(terminal.writer);
  options.format = LogFormat::json;
  EXPECT_EQ(Log(options).format(), LineFormat::json);
  options.descriptor = pipe.writer.get();
  options.format = LogFormat::text;
  EXPECT_EQ(Log(options).format(), LineFormat::text);
}

// A stopped terminal, a pipe and a socket that nobody reads: three ways of stdout to hold a writer for ever.
TEST(Log, AReaderThatStopsHoldsNobody) {
  Channel channels[] = {test::make_pipe(), test::make_socket(), test::make_terminal()};
  ASSERT_EQ(::tcflow(channels[2].writer.get(), TCOOFF), 0);
  for (const Channel& channel : channels) {
    test::fill(channel);
    Log log(options_for(channel.writer));
    // Generous for a loaded machine and sanitizers; a caller that waits for the reader waits for ever.
    EXPECT_LT(storm(log), 500ms);
    EXPECT_GE(log.dropped(), kStorm - 64u - 64u);  // The queue holds as many, and the thread that is stuck.
    const Clock::duration shutdown = time_shutdown(log);
    EXPECT_LT(shutdown, 1s);
    EXPECT_EQ(log.dropped(), static_cast<std::uint64_t>(kStorm));
    EXPECT_FALSE(test::is_nonblocking(channel.writer));
  }
}

TEST(Log, WhenLinesFlowAgainTheLossIsConfessed) {
  Channel channel = test::make_pipe();
  const std::size_t filled = test::fill(channel);
  LogOptions options = options_for(channel.writer);
  options.shutdown_limit = 30s;  // the reader reads: it does not last
  Log log(options);
  storm(log);
  std::string text;
  std::thread reader([&] { text = test::read_to_end(channel.reader); });
  log.shutdown();
  channel.writer.close();
  reader.join();
  ASSERT_EQ(text.substr(0, filled), std::string(filled, '\n'));
  const Account account = account_for(text);
  EXPECT_EQ(account.last, kStorm - 1);  // the newest is never the victim
  EXPECT_GT(account.confessed, 0u);
  EXPECT_EQ(account.messages + account.confessed, static_cast<std::uint64_t>(kStorm));
  EXPECT_EQ(account.confessed, log.dropped());
}

TEST(Log, ConfessesWithoutWaitingForTheEnd) {
  const Channel channel = test::make_pipe();
  test::fill(channel);
  Log log(options_for(channel.writer));
  storm(log);
  std::string text;
  const Clock::time_point give_up = Clock::now() + 20s;
  while (text.find("log_dropped") == std::string::npos && Clock::now() < give_up) {
    text += test::read_available(channel.reader);
    std::this_thread::yield();
  }
  EXPECT_NE(text.find("log_dropped"), std::string::npos);
}

TEST(Log, LongLinesStayWholeThroughANarrowPipe) {
  Channel channel = test::make_pipe();
  LogOptions options = options_for(channel.writer);
  options.shutdown_limit = 30s;
  Log log(options);
  std::string text;
  std::thread reader([&] { text = test::read_to_end(channel.reader); });
  const std::string filler(10'000, 'f');  // more than the pipe takes in one piece
  for (int at = 0; at < 40; ++at) log.write(Level::info, std::to_string(at) + filler);
  log.shutdown();
  channel.writer.close();
  reader.join();
  const std::vector<std::string> lines = test::split_lines(text);
  ASSERT_EQ(lines.size(), 40u);
  for (std::size_t at = 0; at < lines.size(); ++at) EXPECT_TRUE(lines[at] == std::to_string(at) + filler) << at;
}

TEST(Log, LinesThatComeTogetherAreWrittenTogether) {
  constexpr int kLines = 1000;
  int ends[2] = {};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);  // One packet for each write.
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  LogOptions options = options_for(writer);
  options.queue_lines = kLines;
  options.shutdown_limit = 30s;
  std::size_t packets = 0;
  std::size_t lines = 0;
  std::thread reading([&] {
    std::array<char, 64 * 1024> buffer{};
    for (ssize_t size = 1; lines < kLines && size > 0; ++packets) {
      size = ::recv(reader.get(), buffer.data(), buffer.size(), 0);
      lines += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + std::max<ssize_t>(size, 0), '\n'));
    }
  });
  Log log(options);
  for (int at = 0; at < kLines; ++at) log.message(Level::info, std::to_string(at));
  log.shutdown();
  reading.join();
  EXPECT_EQ(lines, static_cast<std::size_t>(kLines));
  EXPECT_LT(packets, static_cast<std::size_t>(kLines) / 5);
}

TEST(Log, AHalfLineAtTheEndCountsAsLost) {
  const Channel channel = test::make_pipe();
  Log log(options_for(channel.writer));
  log.write(Level::info, std::string(10'000, 'h'));
  EXPECT_LT(time_shutdown(log), 1s);
  EXPECT_EQ(log.dropped(), 1u);
}

TEST(Log, SurvivesAReaderThatIsGone) {
  ASSERT_NE(::signal(SIGPIPE, SIG_DFL), SIG_ERR);  // would end this process
  for (Channel (*const make)() : {&test::make_pipe, &test::make_socket, &test::make_terminal}) {
    Channel channel = make();
    Log log(options_for(channel.writer));
    channel.reader.close();
    for (int at = 0; at < 10; ++at) log.message(Level::info, "lost");
    EXPECT_LT(time_shutdown(log), 1s);
    EXPECT_EQ(log.dropped(), 10u);
  }
}

TEST(Log, SurvivesAClosedDescriptor) {
  Log log({.descriptor = -1});
  log.message(Level::info, "lost");
  log.shutdown();
  EXPECT_EQ(log.dropped(), 1u);
}

TEST(Log, AllThreadsShareIt) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  const Fd file = test::make_file();
  LogOptions options = options_for(file);
  options.queue_lines = kThreads * kLines;
  options.shutdown_limit = 30s;
  Log log(options);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&log, thread] {
      for (int at = 0; at < kLines; ++at) log.message(Level::info, std::to_string(thread * kLines + at));
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.shutdown();
  EXPECT_EQ(log.dropped(), 0u);
  std::vector<int> next(kThreads, 0);
  for (const std::string& line : test::split_lines(test::contents(file))) {
    const int number = std::stoi(std::string(test::parse_line(line).at("message").as_string()));
    const auto thread = static_cast<std::size_t>(number / kLines);
    EXPECT_EQ(number % kLines, next.at(thread)++);
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kLines));
}

TEST(Log, ShutdownWhileOthersStillWrite) {
  const Channel channel = test::make_pipe();
  test::fill(channel);
  Log log(options_for(channel.writer));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      log.message(Level::info, "late");
      static_cast<void>(log.dropped());
    }
  });
  EXPECT_LT(time_shutdown(log), 1s);
  log.shutdown();  // a second one does nothing
  stop = true;
  writer.join();
}

TEST(Log, AQueueOfNothingStillHoldsALine) {
  const Fd file = test::make_file();
  LogOptions options = options_for(file);
  options.queue_lines = 0;
  Log log(options);
  log.message(Level::info, "kept");
  log.shutdown();
  EXPECT_EQ(test::split_lines(test::contents(file)).size(), 1u);
}

}  // namespace
}  // namespace sidecar::observe
