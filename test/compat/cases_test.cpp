// Every case of every test/compat/*.yaml as a test of its own, named FILE.CASE, held against the
// commands that are first on PATH: ours, or the reference itself. What a case is stands in
// README.md. Each runs in one bash, so that variables of the setup reach the command line.
//
// known_differences.txt lists the cases where Sluice means to differ, with the reason. They have to
// differ: one that agrees by now fails, so that the list only holds what is true.
#include <stdlib.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace fs = std::filesystem;

namespace {

constexpr const char* kTimeLimit = "120";  // seconds; waiting for a job may poll by the minute

struct Case {
  std::string setup;
  std::string run;
  int exit = 0;
  bool needs_root = false;
  YAML::Node expected;
};

std::string contents(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A fresh directory with the working directory `w` in it; removed with the object.
class Scratch {
 public:
  Scratch() {
    std::string path = (fs::temp_directory_path() / "compat.XXXXXX").string();
    root_ = mkdtemp(path.data());
    fs::create_directory(root_ / "w");
    const auto all = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                     fs::perms::others_read | fs::perms::others_exec;
    fs::permissions(root_, all);
    fs::permissions(root_ / "w", all);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

void write_script(const fs::path& path, const Case& test) {
  std::ofstream(path) << "export LC_ALL=C\n. " COMPAT_DIR "/prelude.sh\n{ :\n"
                      << test.setup << "\n} >/dev/null 2>&1 </dev/null\n(\n"
                      << test.run << "\n) >../out 2>../err </dev/null\necho $? >../rc\n"
                      << "leave_nothing >/dev/null 2>&1\n";
}

// What is wrong with the text of a stream; empty: nothing.
std::string text_difference(const Case& test, const std::string& stream,
                            const std::string& actual) {
  const auto like = test.expected[stream + "_like"];
  const auto exact = test.expected[stream];
  const auto wanted = like ? like.as<std::string>() : exact ? exact.as<std::string>() : "";
  const bool same = like ? std::regex_match(actual, std::regex(wanted)) : actual == wanted;
  if (same) return {};
  return "--- " + stream + " is\n" + actual + "--- and should be" + (like ? " like\n" : "\n") +
         wanted + "---\n";
}

// "FILE.CASE: reason" by the case's name as gtest has it.
std::map<std::string, std::string> read_known_differences() {
  std::map<std::string, std::string> known;
  std::ifstream in(COMPAT_DIR "/known_differences.txt");
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(": ");
    if (line.empty() || line.front() == '#' || colon == std::string::npos) continue;
    known.emplace(line.substr(0, colon), line.substr(colon + 2));
  }
  return known;
}

class CompatCase : public testing::Test {
 public:
  CompatCase(Case test, std::string known) : test_(std::move(test)), known_(std::move(known)) {}

  void TestBody() override {
    if (!getenv("SLUICE_CONF") && !getenv("SLURM_CONF"))
      GTEST_SKIP() << "no cluster: export SLUICE_CONF or SLURM_CONF";
    if (test_.needs_root && geteuid() != 0) GTEST_SKIP() << "needs root";
    const Scratch scratch;
    write_script(scratch.root() / "script", test_);
    const std::string command =
        "cd " + (scratch.root() / "w").string() + " && timeout " + kTimeLimit + " bash ../script";
    EXPECT_EQ(std::system(command.c_str()) & 0x7f, 0) << "the shell died of a signal";
    const std::string found = differences(scratch.root());
    const bool may_differ = !known_.empty() && getenv("SLUICE_CONF");
    if (may_differ) {
      EXPECT_NE(found, "") << "agrees, though known_differences.txt says: " << known_;
    } else {
      EXPECT_EQ(found, "") << test_.run << "\n" << found;
    }
  }

 private:
  std::string differences(const fs::path& root) const {
    std::string code = contents(root / "rc");
    const std::string wanted = std::to_string(test_.exit) + "\n";
    std::string all;
    if (code != wanted) all += "exit code " + code + "and should be " + wanted;
    all += text_difference(test_, "stdout", contents(root / "out"));
    return all + text_difference(test_, "stderr", contents(root / "err"));
  }

  Case test_;
  std::string known_;  // why it may differ; empty: it may not
};

Case read_case(const YAML::Node& node) {
  Case test;
  for (const auto& line : node["setup"]) test.setup += line.as<std::string>() + "\n";
  test.run = node["run"].as<std::string>();
  test.exit = node["exit"].as<int>();
  test.needs_root = node["needs"] && node["needs"].as<std::string>() == "root";
  test.expected = node;
  return test;
}

// gtest takes any text as a name, but its filter gives ':', '*', '?' and '-' a meaning.
std::string as_test_name(std::string name) {
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

void register_file(const fs::path& path, std::map<std::string, std::string>& known) {
  const std::string suite = path.stem().string();
  for (const auto& node : YAML::LoadFile(path.string())) {
    const std::string name = as_test_name(node["name"].as<std::string>());
    const auto entry = known.extract(suite + "." + name);
    const std::string reason = entry ? entry.mapped() : "";
    testing::RegisterTest(
        suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
        [test = read_case(node), reason]() -> CompatCase* { return new CompatCase(test, reason); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(COMPAT_DIR))
    if (entry.path().extension() == ".yaml") files.insert(entry.path());
  auto known = read_known_differences();
  for (const auto& file : files) register_file(file, known);
  for (const auto& [name, reason] : known)
    std::cerr << "known_differences.txt names no case: " << name << "\n";
  return known.empty() ? RUN_ALL_TESTS() : 1;
}
