import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * HikariCP as a peer: {@code HikariPeer METRIC URL}.
 *
 * Prints what it is, then for each line of input (seconds) does one round and prints its values.
 */
public class HikariPeer {
    static final int ROOMY = 10, FEW = 4, THREADS = 32, WARM = 5, MOST = 50;
    static final long HOLD_MILLIS = 2;

    interface Round {
        double[] run(double seconds) throws Exception;
    }

    interface Work {
        void run(int number) throws Exception;
    }

    static HikariDataSource pool(String url, int size, int idle) {
        URI uri = URI.create(url);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:mariadb://" + uri.getHost() + ":" + uri.getPort() + uri.getPath());
        config.setUsername("root");
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(idle);
        return new HikariDataSource(config);
    }

    static void sideBySide(int count, Work work) throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            int mine = number;
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    work.run(mine);
                } catch (Exception failure) {
                    failure.printStackTrace();
                    System.exit(1);
                }
            });
            thread.start();
            threads.add(thread);
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
    }

    static Round cycleLive(String url) {
        HikariDataSource pool = pool(url, ROOMY, ROOMY);
        return seconds -> {
            long start = System.nanoTime();
            long done = 0;
            while (true) {
                for (int i = 0; i < 1000; i++) {
                    pool.getConnection().close();
                }
                done += 1000;
                long took = System.nanoTime() - start;
                if (took >= seconds * 1e9) {
                    return new double[] {(double) took / done};
                }
            }
        };
    }

    static Round waitP99(String url) {
        HikariDataSource pool = pool(url, FEW, FEW);
        return seconds -> {
            List<List<Double>> waits = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                waits.add(new ArrayList<>());
            }
            long start = System.nanoTime();
            long until = start + (long) (seconds * 1e9);
            sideBySide(THREADS, number -> {
                while (true) {
                    long asked = System.nanoTime();
                    if (asked >= until) {
                        return;
                    }
                    try (Connection connection = pool.getConnection()) {
                        waits.get(number).add((System.nanoTime() - asked) / 1e6);
                        Thread.sleep(HOLD_MILLIS);
                    }
                }
            });
            double took = (System.nanoTime() - start) / 1e9;
            double[] all = waits.stream().flatMap(List::stream).mapToDouble(wait -> wait).sorted().toArray();
            int most = waits.stream().mapToInt(List::size).max().getAsInt();
            int fewest = waits.stream().mapToInt(List::size).min().getAsInt();
            double p99 = all[(int) Math.ceil(0.99 * all.length) - 1];
            double longest = all[all.length - 1];
            return new double[] {p99, longest, all.length / took, (double) most / fewest};
        };
    }

    static Round spike(String url) {
        return seconds -> {
            try (HikariDataSource pool = pool(url, MOST, WARM)) {
                while (pool.getHikariPoolMXBean().getIdleConnections() < WARM) {
                    Thread.sleep(10);
                }
                long start = System.nanoTime();
                sideBySide(MOST, number -> {
                    try (Connection connection = pool.getConnection()) {
                        Thread.sleep(HOLD_MILLIS);
                    }
                });
                double took = (System.nanoTime() - start) / 1e6;
                // What was ordered still opens.
                Thread.sleep(500);
                return new double[] {took};
            }
        };
    }

    public static void main(String[] arguments) throws Exception {
        String url = arguments[1];
        Round round = switch (arguments[0]) {
            case "cycle_live" -> cycleLive(url);
            case "wait_p99" -> waitP99(url);
            case "spike" -> spike(url);
            default -> throw new IllegalArgumentException(arguments[0]);
        };
        System.out.println("HikariCP over MariaDB Connector/J, as Debian packages them, on Java "
            + System.getProperty("java.version"));
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null;) {
            StringBuilder values = new StringBuilder();
            for (double value : round.run(Double.parseDouble(line))) {
                values.append(value).append(' ');
            }
            System.out.println(values.toString().strip());
        }
        System.exit(0);
    }
}
