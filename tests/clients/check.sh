# Shared by the shell scripts: `check NAME COMMAND...` runs a command and prints one line.

failed=0
said=$(mktemp)
made=clients-$$

# check NAME COMMAND...: the command must succeed.
check() {
  local name=$1
  shift
  if "$@" >"$said" 2>&1; then
    echo "ok - $name"
  else
    echo "not ok - $name: $(tail -c 600 "$said" | tr '\n' ' ')"
    failed=1
  fi
}

# says TEXT COMMAND...: the command succeeds, and its output contains the text.
says() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || { echo "$output" && return 1; }
  contains "$text" "$output"
}

# refuses TEXT COMMAND...: the command fails within ten seconds, and its output contains the text.
refuses() {
  local text=$1 output status=0
  shift
  output=$(timeout 10 "$@" 2>&1 </dev/null) || status=$?
  case $status in
  0) echo "it succeeded: $output" && return 1 ;;
  124) echo "no answer after ten seconds: $output" && return 1 ;;
  esac
  contains "$text" "$output"
}

contains() {
  case $2 in
  *"$1"*) return 0 ;;
  esac
  echo "no '$1' in: $2"
  return 1
}

# eventually COMMAND...: the command succeeds within 30 seconds.
eventually() {
  local end=$((SECONDS + 30))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

# finish: ends the script; `run` takes a script without the line "end" for one that ended early.
finish() {
  echo end
  exit $failed
}
