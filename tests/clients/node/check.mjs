// Shared by the scripts for Node.js: `check` runs one step and prints one line.

let failed = 0

export async function check(name, step) {
  try {
    const result = await within(30, step())
    console.log(`ok - ${name}`)
    return result
  } catch (error) {
    failed = 1
    console.log(`not ok - ${name}: ${String(error?.stack ?? error).slice(0, 500).replaceAll('\n', ' ')}`)
  }
}

// within: the promise's result, or a failure after that many seconds.
export function within(seconds, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result after ${seconds} s`)), seconds * 1000)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

export async function eventually(what, condition, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; ;) {
    const result = await condition()
    if (result) return result
    if (Date.now() > end) throw new Error(`${what} did not happen in ${seconds} s`)
    await new Promise(resume => setTimeout(resume, 100))
  }
}

// finish: ends the script; `run` takes a script without the line "end" for one that ended early.
export function finish() {
  console.log('end')
  process.exit(failed)
}
