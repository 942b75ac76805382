#ifndef SPILLWAY_TARGET_POSTGRES_KEY_IMAGES_H_
#define SPILLWAY_TARGET_POSTGRES_KEY_IMAGES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/bad_row.h"
#include "target/postgres/copy/type_table.h"
#include "target/postgres/session/connection.h"
#include "target/stage.h"

/// The image of some columns of a row: each one's field in the binary COPY format (length, bytes;
/// length -1 for NULL), with -0 of floating-point columns as 0, since the server's equality does
/// not tell them apart. Once made here from source rows, once by the server from stored ones.
namespace spillway::target::postgres {

/// See Target::OpenKeyImages. `columns` are named in both the stage and `schema`.
base::Result<std::unique_ptr<KeyImages>> MakeKeyImages(const Stage& stage,
                                                       const data::Schema& schema,
                                                       const std::vector<std::string>& columns);

/// The expression that gives the image of `columns` of a row of the stage as bytea. Asks the server
/// for the columns' types.
base::Result<Sql> ImageExpression(const base::Context& context, Connection& connection,
                                  const Stage& stage, const std::vector<std::string>& columns);

/// The values of an image as constants that the server reads as `types`, one for each of its
/// fields; nullopt when one is NULL or of a type that is not written here (numeric, floating-point,
/// timestamps, intervals). `types` are those of the image's columns.
std::optional<std::vector<std::string>> ConstantsOf(std::string_view image,
                                                    const std::vector<PostgresType>& types);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_KEY_IMAGES_H_
