// What the commands of accounts, shares and priorities were asked for: sacctmgr, sshare, sprio.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "opt/dump.hpp"

namespace sluice::opt {

struct SacctmgrOptions {
  std::vector<std::string> words;  // the command and its arguments; empty: interactive
  bool associations = false;       // -s
  bool immediate = false;          // -i
  bool no_header = false;
  bool parsable = false;   // -p
  bool parsable2 = false;  // -P
  bool quiet = false;      // -Q
  bool read_only = false;  // -r
  std::uint32_t verbose = 0;
};

struct SshareOptions {
  std::vector<std::string> accounts;
  std::vector<std::string> users;
  bool all = false;          // -a
  bool users_only = false;   // -U
  bool long_form = false;    // -l
  bool help_format = false;  // -e
  bool partitions = false;   // -m
  bool no_header = false;    // -n, -h
  bool parsable = false;
  bool parsable2 = false;
  std::string format;
  std::uint32_t verbose = 0;
  std::string clusters;
};

struct SprioOptions {
  std::vector<std::uint32_t> jobs;
  std::vector<std::string> partitions;
  std::vector<std::string> users;
  bool long_form = false;
  bool normalized = false;  // -n
  bool no_header = false;   // -h
  bool weights = false;     // -w
  std::string format;
  std::string sort;
  std::uint32_t verbose = 0;
  std::string clusters;
};

// In which order sdiag lists requests.
enum class RequestOrder : std::uint8_t { count, id, total_time, mean_time };

struct SdiagOptions {
  bool reset = false;
  RequestOrder order = RequestOrder::count;
  std::string clusters;
  Dump dump = Dump::none;
  std::string data_parser;
};

struct SreportOptions {
  std::vector<std::string> words;  // the report and its conditions; empty: interactive
  std::string clusters;
  std::string time_format;  // -t
  std::string tres;         // -T
  bool no_header = false;
  bool parsable = false;
  bool parsable2 = false;
  bool quiet = false;
  std::uint32_t verbose = 0;
};

}  // namespace sluice::opt
