import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs the steps of a client and prints one line for each. */
final class Check {
    interface Step {
        void run() throws Exception;
    }

    private static boolean failed;

    private Check() {}

    /** Runs one step, for at most 30 seconds. */
    static void step(String name, Step step) {
        var done = new CompletableFuture<Void>();
        var thread = new Thread(() -> {
            try {
                step.run();
                done.complete(null);
            } catch (Throwable error) {
                done.completeExceptionally(error);
            }
        });
        thread.setDaemon(true);
        thread.start();
        try {
            done.get(30, TimeUnit.SECONDS);
            System.out.println("ok - " + name);
        } catch (Exception error) {
            failed = true;
            var cause = error.getCause() == null ? error : error.getCause();
            System.out.println("not ok - " + name + ": " + cause.toString().replace('\n', ' '));
        }
    }

    static void that(boolean condition, Object found) {
        if (!condition) throw new IllegalStateException("found: " + found);
    }

    /** Ends the program; `run` takes a program without the line "end" for one that ended early. */
    static void finish() {
        System.out.println("end");
        System.exit(failed ? 1 : 0);
    }
}
