#include "target/postgres/copy/column_encoder.h"

#include <utility>

#include "target/postgres/copy/nested_columns.h"
#include "target/postgres/copy/scalar_columns.h"
#include "target/postgres/copy/text_columns.h"

namespace spillway::target::postgres {

base::Result<std::unique_ptr<ColumnEncoder>> MakeColumnEncoder(const data::Type& source,
                                                               const PostgresType& target,
                                                               const std::string& column,
                                                               const EncodeOptions& options) {
  SPILLWAY_TRY(CheckMapping(source, target));
  if (target.array) {
    PostgresType element = target;
    element.array = false;
    SPILLWAY_ASSIGN(auto elements,
                    MakeColumnEncoder(source.children[0].type, element, column, options));
    return MakeArrayColumn(target, std::move(elements));
  }
  if (source.kind == data::TypeKind::kArray &&
      Describe(target.kind).modifier == Modifier::kDimensions) {
    return MakeVectorColumn(source, target);
  }
  if (source.is_nested() || source.kind == data::TypeKind::kVariant) {
    return MakeDocumentColumn(source, target, column, options);
  }
  std::unique_ptr<ColumnEncoder> encoder = MakeTextColumn(source, target);
  if (encoder == nullptr) encoder = MakeScalarColumn(source, target);
  // The type table let the pair through, so that an encoder is missing is our mistake.
  SPILLWAY_CHECK(encoder != nullptr);
  return encoder;
}

}  // namespace spillway::target::postgres
