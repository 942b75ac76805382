// Any bytes as a predicate over a schema of many types: parsed or refused, never more; what was
// parsed prints and reads back to the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/schema.h"
#include "expr/predicate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  using data::ScalarType;
  using data::TypeKind;
  static const data::Schema kSchema{
      {{.name = "a", .type = ScalarType(TypeKind::kLong)},
       {.name = "b", .type = data::DecimalType(9, 3)},
       {.name = "c", .type = ScalarType(TypeKind::kString)},
       {.name = "d", .type = ScalarType(TypeKind::kFloat)},
       {.name = "e", .type = ScalarType(TypeKind::kTimestamp)},
       {.name = "g", .type = ScalarType(TypeKind::kDate)},
       {.name = "h", .type = ScalarType(TypeKind::kBoolean)},
       {.name = "i", .type = ScalarType(TypeKind::kBinary)},
       {.name = "s",
        .type = data::StructType({{.name = "x", .type = ScalarType(TypeKind::kByte)}})}}};
  const auto predicate =
      expr::Predicate::Parse({reinterpret_cast<const char*>(bytes), size}, kSchema);
  if (!predicate.ok()) return 0;
  if (!expr::Predicate::CheckSyntax({reinterpret_cast<const char*>(bytes), size}).ok()) {
    std::abort();
  }
  const auto again = expr::Predicate::Parse(predicate->text(), kSchema);
  if (!again.ok() || again->text() != predicate->text() ||
      again->lakeio_json() != predicate->lakeio_json()) {
    std::abort();
  }
  return 0;
}
