// Runs a fuzzer's function without libFuzzer, so that `make test` exercises it with any compiler:
// over each file of a corpus folder, and over copies of it that are cut short or have a byte bent.
// The bending is by a fixed rule, hence the same in every run. A crash is the only failure.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/core.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kBentCopies = 512;

void feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::size_t feed_bent_copies(const std::string& input) {
  const std::size_t step = input.size() / kBentCopies + 1;
  std::size_t runs = 0;
  for (std::size_t at = 0; at < input.size(); at += step) {
    feed(input.substr(0, at));
    std::string bent = input;
    bent[at] = static_cast<char>(static_cast<unsigned char>(bent[at]) ^ (1U << (at % 8)));
    feed(bent);
    runs += 2;
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  feed("");
  std::size_t runs = 1;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(file), {}};
      feed(input);
      runs += 1 + feed_bent_copies(input);
    }
  }
  fmt::print("{} runs\n", runs);
  return 0;
}
