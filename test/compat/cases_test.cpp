// Every case of every test/compat/*.yaml as a test of its own, named FILE.CASE, held against the
// commands that are first on PATH: ours, or the reference itself. What a case is stands in
// README.md. Each runs in one bash, so that variables of the setup reach the command line.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

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

void expect_text(const Case& test, const std::string& stream, const std::string& actual) {
    if (const auto like = test.expected[stream + "_like"]) {
        const auto pattern = like.as<std::string>();
        EXPECT_TRUE(std::regex_match(actual, std::regex(pattern)))
            << stream << " is\n" << actual << "and should be like\n" << pattern;
        return;
    }
    const auto exact = test.expected[stream];
    EXPECT_EQ(actual, exact ? exact.as<std::string>() : "") << stream;
}

class CompatCase : public testing::Test {
   public:
    explicit CompatCase(Case test) : test_(std::move(test)) {}

    void TestBody() override {
        if (!getenv("SLUICE_CONF") && !getenv("SLURM_CONF"))
            GTEST_SKIP() << "no cluster: export SLUICE_CONF or SLURM_CONF";
        if (test_.needs_root && geteuid() != 0) GTEST_SKIP() << "needs root";
        const Scratch scratch;
        write_script(scratch.root() / "script", test_);
        const std::string command = "cd " + (scratch.root() / "w").string() + " && timeout " +
                                    kTimeLimit + " bash ../script";
        EXPECT_EQ(std::system(command.c_str()) & 0x7f, 0) << "the shell died of a signal";
        const std::string code = contents(scratch.root() / "rc");
        EXPECT_EQ(code, std::to_string(test_.exit) + "\n") << test_.run;
        expect_text(test_, "stdout", contents(scratch.root() / "out"));
        expect_text(test_, "stderr", contents(scratch.root() / "err"));
    }

   private:
    Case test_;
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

void register_file(const fs::path& path) {
    const std::string suite = path.stem().string();
    for (const auto& node : YAML::LoadFile(path.string())) {
        const std::string name = as_test_name(node["name"].as<std::string>());
        testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [test = read_case(node)]() -> CompatCase* {
                                  return new CompatCase(test);
                              });
    }
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator(COMPAT_DIR))
        if (entry.path().extension() == ".yaml") files.insert(entry.path());
    for (const auto& file : files) register_file(file);
    return RUN_ALL_TESTS();
}
