#ifndef SPILLWAY_BASE_ABSOLUTE_PATH_H_
#define SPILLWAY_BASE_ABSOLUTE_PATH_H_

#include <string>
#include <string_view>

namespace spillway::base {

/// `path`, which begins at `folder` unless it is absolute, without `.`, `..`, doubled slashes and a
/// slash at the end. What `..` is above of is what the kernel would say: behind a symbolic link,
/// the folder above of where it leads. Other links stay as they are written, so that they can be
/// changed later. Asks the file system about links only; errors of it count as there being none.
/// REQUIRES: `folder` is absolute. Any thread.
std::string AbsolutePath(std::string_view folder, std::string_view path);

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_ABSOLUTE_PATH_H_
