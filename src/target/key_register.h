#ifndef SPILLWAY_TARGET_KEY_REGISTER_H_
#define SPILLWAY_TARGET_KEY_REGISTER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace spillway::target {

/// Remembers the keys of the rows that one load sends, so that a row of a key that is there already
/// can be held back while its task still has it in hand. It knows keys by 64 bits and where their
/// row is; it takes 16 bytes a key, of memory that is had at once. Its word is no proof: who uses
/// it compares the keys themselves, and the target's own key finds what it missed. Thread-safe,
/// without locks but for repeated keys.
class KeyRegister {
 public:
  /// A row of the load.
  struct Place {
    std::int64_t task = 0;  ///< below 2^23
    std::int64_t row = 0;   ///< in the task, rows that cannot be stored counted; below 2^40
    auto operator<=>(const Place&) const = default;
  };
  /// A key that came again: where it was first, and its image.
  struct Repeated {
    Place first;
    std::string image;
  };

  /// For up to `rows` keys; further ones are not remembered. `seed` makes hashes differ from run to
  /// run.
  KeyRegister(std::int64_t rows, std::uint64_t seed);

  /// Bytes that a register of so many keys takes.
  static std::int64_t BytesFor(std::int64_t rows);

  /// Registers the key of the row at `place`. False when it is new or was registered for the same
  /// place (a task that is tried again); true when another row has it: that one is noted.
  bool IsRepeated(std::string_view image, Place place);

  /// The keys that came again, in the order of their first place, each first place once for each
  /// different image. To be called when no task runs.
  std::vector<Repeated> TakeRepeated();

 private:
  struct Slot {
    std::atomic<std::uint64_t> hash{0};   ///< 0: free
    std::atomic<std::uint64_t> place{0};  ///< plus one; 0: about to be written
  };
  std::size_t mask_;
  std::int64_t most_;  ///< keys that are remembered
  const std::uint64_t seed_;
  std::unique_ptr<Slot[]> slots_;
  std::atomic<std::int64_t> keys_{0};
  base::Mutex mutex_;
  std::vector<Repeated> repeated_ GUARDED_BY(mutex_);
};

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_KEY_REGISTER_H_
