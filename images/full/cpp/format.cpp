// libformat.a: what format.h says is compiled.
#include <format>
namespace std::__format {
template _Sink_iter<char> __do_vformat_to(_Sink_iter<char>, string_view, const format_args&, const locale*);
template _Sink_iter<wchar_t> __do_vformat_to(_Sink_iter<wchar_t>, wstring_view, const wformat_args&, const locale*);
}  // namespace std::__format
