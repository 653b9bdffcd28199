#include "observe/line_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "channels.hpp"

namespace sidecar::observe {
namespace {

using test::Channel;
using test::Fd;
using Manner = Outlet::Manner;

/// A writer whose patience is over: one attempt, then it gives up. So tests need no clock.
void make_impatient(LineWriter& writer) {
  writer.hurry(LineWriter::Clock::now());
}

/// A named pipe that has a reader only once the writer opened it: reopening without waiting is refused.
Channel make_refused_fifo(std::unique_ptr<LineWriter>& writer) {
  std::string folder = "/tmp/line_writer_XXXXXX";
  EXPECT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/fifo";
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Fd first(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Fd write_end(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  first.close();
  writer = std::make_unique<LineWriter>(write_end.get());
  Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ::unlink(path.c_str());
  ::rmdir(folder.c_str());
  return {std::move(reader), std::move(write_end)};
}

TEST(Outlet, MannerFollowsTheKindOfDescriptor) {
  const Channel pipe = test::make_pipe();
  EXPECT_EQ(Outlet(pipe.writer.get()).manner(), Manner::reopened);
  const Channel terminal = test::make_terminal();
  EXPECT_EQ(Outlet(terminal.writer.get()).manner(), Manner::reopened);
  const Channel socket = test::make_socket();
  EXPECT_EQ(Outlet(socket.writer.get()).manner(), Manner::socket);
  const Fd file = test::make_file();
  EXPECT_EQ(Outlet(file.get()).manner(), Manner::plain);
  const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(Outlet(null.get()).manner(), Manner::plain);
  EXPECT_EQ(Outlet(-1).manner(), Manner::closed);
}

TEST(Outlet, NeighboursKeepTheirBlockingDescriptor) {
  Channel channels[] = {test::make_pipe(), test::make_socket(), test::make_terminal()};
  for (const Channel& channel : channels) {
    Outlet outlet(channel.writer.get());
    while (outlet.try_write("line\n").value_or(0) > 0) {
    }
    EXPECT_EQ(outlet.try_write("line\n"), std::size_t{0});
    EXPECT_FALSE(test::is_nonblocking(channel.writer));
  }
}

TEST(LineWriter, WritesLines) {
  Channel channels[] = {test::make_pipe(), test::make_socket(), test::make_terminal()};
  for (const Channel& channel : channels) {
    LineWriter writer(channel.writer.get());
    EXPECT_TRUE(writer.write("one"));
    EXPECT_TRUE(writer.write(""));
    EXPECT_TRUE(writer.write("three"));
    EXPECT_EQ(test::read_available(channel.reader), "one\n\nthree\n");
  }
}

TEST(LineWriter, FilesKeepWhatIsInThem) {
  const Fd file = test::make_file();
  ASSERT_EQ(::write(file.get(), "before\n", 7), 7);
  LineWriter writer(file.get());
  EXPECT_TRUE(writer.write("ours"));
  ASSERT_EQ(::write(file.get(), "between\n", 8), 8);  // who shares the descriptor shares its offset
  EXPECT_TRUE(writer.write("ours again"));
  EXPECT_EQ(test::contents(file), "before\nours\nbetween\nours again\n");
}

TEST(LineWriter, TheCallersDescriptorMayClose) {
  Channel channel = test::make_pipe();
  const Fd file = test::make_file();
  Fd file_copy(::dup(file.get()));
  LineWriter to_pipe(channel.writer.get());
  LineWriter to_file(file_copy.get());
  channel.writer.close();
  file_copy.close();
  EXPECT_TRUE(to_pipe.write("still"));
  EXPECT_TRUE(to_file.write("still"));
  EXPECT_EQ(test::read_available(channel.reader), "still\n");
  EXPECT_EQ(test::contents(file), "still\n");
}

TEST(LineWriter, GivesUpOnAFullChannelWhenHurried) {
  Channel channels[] = {test::make_pipe(), test::make_socket(), test::make_terminal()};
  for (const Channel& channel : channels) {
    const std::size_t filled = test::fill(channel);
    LineWriter writer(channel.writer.get());
    make_impatient(writer);
    EXPECT_FALSE(writer.write("lost"));
    EXPECT_EQ(test::read_available(channel.reader).substr(0, filled), std::string(filled, '\n'));
    EXPECT_TRUE(writer.write("kept"));
    EXPECT_TRUE(writer.finish());
    EXPECT_EQ(test::read_available(channel.reader), "kept\n");
  }
}

TEST(LineWriter, AHalfLineIsFinishedBeforeTheNext) {
  Channel channels[] = {test::make_pipe(), test::make_socket()};
  const std::string longer(1 << 20, 'x');  // than any of them holds
  for (const Channel& channel : channels) {
    LineWriter writer(channel.writer.get());
    make_impatient(writer);
    EXPECT_TRUE(writer.write(longer));
    EXPECT_FALSE(writer.finish());
    EXPECT_FALSE(writer.write("lost: the half line stands in its way"));
    std::string read;
    while (!writer.finish()) read += test::read_available(channel.reader);
    EXPECT_TRUE(writer.write("next"));
    read += test::read_available(channel.reader);
    EXPECT_TRUE(read == longer + "\nnext\n") << read.size();
  }
}

TEST(LineWriter, WhatIsLostOfManyIsTheLast) {
  Channel channels[] = {test::make_pipe(), test::make_socket()};
  std::string lines;
  for (int at = 0; at < 100'000; ++at) lines += "line " + std::to_string(at) + '\n';  // more than any of them holds
  for (const Channel& channel : channels) {
    LineWriter writer(channel.writer.get());
    make_impatient(writer);
    const std::size_t lost = writer.write_all(lines);
    EXPECT_GT(lost, 0u);
    std::string read = test::read_available(channel.reader);
    EXPECT_TRUE(writer.finish());
    EXPECT_EQ(writer.write_all("next\nand next\n"), 0u);
    read += test::read_available(channel.reader);
    const auto kept = static_cast<std::size_t>(std::count(read.begin(), read.end(), '\n')) - 2;
    EXPECT_EQ(kept + lost, 100'000u);
    EXPECT_TRUE(read == lines.substr(0, read.size() - 14) + "next\nand next\n") << read.size();
  }
}

TEST(LineWriter, WaitsForASlowReader) {
  Channel channel = test::make_pipe();
  const std::string line(3000, 'y');
  std::string read;
  std::thread reader([&] { read = test::read_to_end(channel.reader); });
  {
    LineWriter writer(channel.writer.get());
    for (int at = 0; at < 50; ++at) EXPECT_TRUE(writer.write(line));
    EXPECT_TRUE(writer.finish());
  }
  channel.writer.close();
  reader.join();
  EXPECT_EQ(read.size(), 50 * (line.size() + 1));
}

TEST(LineWriter, HurryEndsAWait) {
  const Channel channel = test::make_pipe();
  test::fill(channel);
  LineWriter writer(channel.writer.get());
  bool written = true;
  std::thread thread([&] { written = writer.write("lost"); });
  writer.hurry(LineWriter::Clock::now());
  thread.join();
  EXPECT_FALSE(written);
}

TEST(LineWriter, NobodyReads) {
  const auto previous = ::signal(SIGPIPE, SIG_IGN);
  for (Channel (*const make)() : {&test::make_pipe, &test::make_socket, &test::make_terminal}) {
    Channel channel = make();
    LineWriter writer(channel.writer.get());
    channel.reader.close();
    EXPECT_FALSE(writer.write("lost"));  // and no wait for somebody to come
    EXPECT_FALSE(writer.write("lost"));
  }
  LineWriter nowhere(-1);
  EXPECT_FALSE(nowhere.write("lost"));
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  LineWriter disk(full.get());
  EXPECT_FALSE(disk.write("lost"));
  ::signal(SIGPIPE, previous);
}

TEST(LineWriter, CarefulWhenReopeningIsRefused) {
  std::unique_ptr<LineWriter> writer;
  const Channel channel = make_refused_fifo(writer);
  ASSERT_EQ(writer->outlet().manner(), Manner::careful);
  ASSERT_FALSE(test::is_nonblocking(channel.writer));
  make_impatient(*writer);
  const std::string longer(1 << 20, 'z');
  EXPECT_TRUE(writer->write(longer));  // a blocking write of all of it would never return
  std::string read;
  while (!writer->finish()) read += test::read_available(channel.reader);
  read += test::read_available(channel.reader);
  EXPECT_TRUE(read == longer + "\n") << read.size();
}

}  // namespace
}  // namespace sidecar::observe
