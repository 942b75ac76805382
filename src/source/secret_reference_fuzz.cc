// Any bytes as the file of stored secrets and as a reference into it: damaged, unavailable or a
// secret; what cannot be read is never overwritten.

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/testing/fuzz_folder.h"
#include "source/secret_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  static const state::Home home = [] {
    auto made = state::Home::Resolve(base::testing::FuzzFolder().string(),
                                     [](const std::string&) { return std::nullopt; });
    if (!made.ok()) std::abort();
    return *std::move(made);
  }();
  static const source::SecretKeeper keeper(home, [](const std::string&) { return std::nullopt; });
  const std::string_view text = base::testing::AsText(bytes, size);
  base::testing::WriteFile(home.secrets_file(), text);
  const auto secret = keeper.Resolve("${stored:a}");
  if (!secret.ok() && secret.status().code() == base::Code::kInternal) std::abort();
  if (const auto kept = keeper.Keep({}, "a", "hush"); kept.ok()) {
    const auto stored = keeper.Resolve(kept->reference);
    if (!stored.ok() || stored->Reveal() != "hush") std::abort();
  } else {
    std::ifstream file(home.secrets_file(), std::ios::binary);
    if (std::string(std::istreambuf_iterator<char>(file), {}) != text) std::abort();
  }
  const auto reference = source::ParseSecretReference(text);
  if (reference.ok() && reference->name.empty()) std::abort();
  return 0;
}
