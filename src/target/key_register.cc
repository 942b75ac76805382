#include "target/key_register.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <tuple>
#include <utility>

namespace spillway::target {
namespace {

constexpr int kRowBits = 40;
// Repeated keys that are noted; more are left to the target.
constexpr std::size_t kMaxRepeated = 50'000;

std::size_t SlotsFor(std::int64_t rows) {
  return std::bit_ceil(static_cast<std::size_t>(std::max<std::int64_t>(rows, 512)) * 3 / 2);
}

// The finaliser of SplitMix64.
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t Pack(KeyRegister::Place place) {
  return ((static_cast<std::uint64_t>(place.task) << kRowBits) |
          static_cast<std::uint64_t>(place.row)) +
         1;
}

KeyRegister::Place Unpack(std::uint64_t packed) {
  --packed;
  return {static_cast<std::int64_t>(packed >> kRowBits),
          static_cast<std::int64_t>(packed & ((std::uint64_t{1} << kRowBits) - 1))};
}

}  // namespace

KeyRegister::KeyRegister(std::int64_t rows, std::uint64_t seed)
    : mask_(SlotsFor(rows) - 1),
      most_(static_cast<std::int64_t>(SlotsFor(rows) / 4 * 3)),
      seed_(seed),
      slots_(std::make_unique<Slot[]>(SlotsFor(rows))) {}

std::int64_t KeyRegister::BytesFor(std::int64_t rows) {
  return static_cast<std::int64_t>(SlotsFor(rows) * sizeof(Slot));
}

bool KeyRegister::IsRepeated(std::string_view image, Place place) {
  std::uint64_t hash = Mix(std::hash<std::string_view>()(image) ^ seed_);
  if (hash == 0) hash = 1;
  const std::uint64_t packed = Pack(place);
  for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
    Slot& slot = slots_[at];
    std::uint64_t there = slot.hash.load(std::memory_order_acquire);
    if (there == 0) {
      if (keys_.load(std::memory_order_relaxed) >= most_) return false;
      if (slot.hash.compare_exchange_strong(there, hash, std::memory_order_acq_rel)) {
        slot.place.store(packed, std::memory_order_release);
        keys_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
    }
    if (there != hash) continue;
    std::uint64_t first = 0;
    while ((first = slot.place.load(std::memory_order_acquire)) == 0) {
    }
    if (first == packed) return false;
    base::MutexLock lock(mutex_);
    if (repeated_.size() >= kMaxRepeated) return false;
    repeated_.push_back({Unpack(first), std::string(image)});
    return true;
  }
}

std::vector<KeyRegister::Repeated> KeyRegister::TakeRepeated() {
  base::MutexLock lock(mutex_);
  const auto key = [](const Repeated& one) { return std::tie(one.first, one.image); };
  std::ranges::sort(repeated_, {}, key);
  const auto same = std::ranges::unique(repeated_, {}, key);
  repeated_.erase(same.begin(), same.end());
  return std::exchange(repeated_, {});
}

}  // namespace spillway::target
