# The rule by which nginx's Makefile builds the static library. Whether anything has to be done is
# for cargo to say, so it is asked every time. NGINX and make's own flags are kept from it: both
# are read by programs that it starts.

cat << END >> $NGX_MAKEFILE

$mcp_sessions_lib: mcp_sessions_always
	cd $mcp_sessions_root && env -u NGINX -u MAKEFLAGS -u MAKELEVEL \\
		NGINX_SOURCE_DIR="$PWD" NGINX_BUILD_DIR="$mcp_sessions_objs" \\
		cargo rustc --locked --release --lib --crate-type staticlib --no-default-features \\
		--target-dir "$mcp_sessions_target"

.PHONY: mcp_sessions_always
mcp_sessions_always:

END
