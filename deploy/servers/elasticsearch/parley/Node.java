package parley;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one Elasticsearch node from jars alone: no archive, no scripts, no
 * bundled Java. Arguments: the home with its modules, and the folder of the
 * configuration. It runs until it is told to end.
 */
public final class Node {
    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]);
        Path config = Path.of(args[1]);
        Settings settings = Settings.builder()
            .loadFromPath(config.resolve("elasticsearch.yml"))
            .put("path.home", home.toString())
            .put("node.name", "n1")
            .build();
        LogConfigurator.registerErrorListener();
        LogConfigurator.setNodeName("n1");
        Environment env = new Environment(settings, config);
        LogConfigurator.configure(env, true);
        // The last argument: plain class loaders, since modules need the archive's layout.
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(env.modulesDir()),
            PluginsLoader.loadPluginsBundles(env.pluginsDir()),
            Map.of(),
            false
        );
        var node = new org.elasticsearch.node.Node(env, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        node.start();
        new CountDownLatch(1).await();
    }
}
