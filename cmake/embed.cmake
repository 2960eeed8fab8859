# Writes C source that holds text files as strings: cmake -DOUT=FILE.c "-DFILES=a.css|b.html" -P
# embed.cmake report/page.css becomes `const char page_css[]`, ended by NUL; report/assets.h
# declares them. Comments of style sheets, /* */, and of HTML, <!-- -->, stay behind: a page is read
# by a browser.
set(text "/* Written by cmake/embed.cmake. */\n#include \"report/assets.h\"\n")
string(REPLACE "|" ";" FILES "${FILES}")
foreach(path IN LISTS FILES)
  get_filename_component(name "${path}" NAME)
  string(REPLACE "." "_" name "${name}")
  file(READ "${path}" content)
  string(REGEX REPLACE "/\\*[^*]*\\*/\n?" "" content "${content}")
  string(REGEX REPLACE "<!--[^>]*-->\n?" "" content "${content}")
  string(HEX "${content}" bytes)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "\nconst char ${name}[] = {\n${bytes}0x00};\n")
endforeach()
file(WRITE "${OUT}" "${text}")
