import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Compiles one source and whatever it refers to in its folder into a jar that can be run: `Compile <source> <jar>`.
 * Unlike javac it does not mind what the file is called, and one start of the virtual machine does all of it.
 */
final class Compile {
    /** A source whose file may have any name, public classes in it notwithstanding. */
    private static final class Source extends SimpleJavaFileObject {
        private final Path path;

        Source(Path path) {
            super(path.toUri(), Kind.SOURCE);
            this.path = path;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) throws java.io.IOException {
            return Files.readString(path);
        }

        @Override
        public boolean isNameCompatible(String simpleName, Kind kind) {
            return kind == Kind.SOURCE;
        }

        @Override
        public String getName() {
            return path.getFileName().toString();
        }
    }

    /** A class file in memory. */
    private static final class Output extends SimpleJavaFileObject {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Output(String name) {
            super(URI.create("memory:///" + name), Kind.CLASS);
        }

        @Override
        public OutputStream openOutputStream() {
            return bytes;
        }
    }

    private static final Pattern FOREIGN_IMPORT = Pattern.compile("^\\s*import\\s+(?:static\\s+)?(?:org|com|io|net)\\.", Pattern.MULTILINE);

    public static void main(String[] arguments) throws Exception {
        Path entry = Path.of(arguments[0]).toAbsolutePath();
        PrintWriter errors = new PrintWriter(System.err, true);
        Map<String, Output> classes = new LinkedHashMap<>();
        var compiler = ToolProvider.getSystemJavaCompiler();
        var files = new ForwardingJavaFileManager<>(compiler.getStandardFileManager(null, null, null)) {
            @Override
            public JavaFileObject getJavaFileForOutput(
                    JavaFileManager.Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
                return classes.computeIfAbsent(name.replace('.', '/') + ".class", Output::new);
            }
        };
        String libraries = libraries(entry);
        var options = List.of("-g", "-proc:none", "-implicit:class", "-nowarn", "-Xlint:none",
                "-sourcepath", entry.getParent().toString(), "-classpath", entry.getParent() + libraries);
        var task = (JavacTask) compiler.getTask(errors, files, null, options, null, List.of(new Source(entry)));
        String main = null;
        for (CompilationUnitTree unit : task.parse()) {
            main = mainClass(unit, entry);
        }
        task.generate();
        if (!classes.isEmpty() && main == null) {
            System.err.println(entry.getFileName() + ": error: no class has a main method");
            System.exit(1);
        }
        // javac has said what is wrong; without the main class there is nothing to run.
        if (main == null || !classes.containsKey(main.replace('.', '/') + ".class")) {
            tellLibraries(entry, libraries);
            System.exit(1);
        }
        var manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, "file:" + entry.getParent() + "/" + libraries.replace(":", " file:"));
        manifest.getMainAttributes().putValue("Enable-Native-Access", "ALL-UNNAMED");
        try (var jar = new JarOutputStream(Files.newOutputStream(Path.of(arguments[1])), manifest)) {
            jar.setLevel(1);
            for (var entryOf : classes.entrySet()) {
                jar.putNextEntry(new JarEntry(entryOf.getKey()));
                entryOf.getValue().bytes.writeTo(jar);
            }
        }
    }

    /** Says what is there to a source that imports packages of others: nothing can be installed. */
    private static void tellLibraries(Path entry, String libraries) throws java.io.IOException {
        if (libraries.isEmpty()) {
            return;
        }
        var names = Arrays.stream(libraries.substring(1).split(":"))
                .map(path -> Path.of(path).getFileName().toString().replace(".jar", "")).sorted().toList();
        System.err.println("[No library can be installed: there is no network. Here are: " + String.join(", ", names) + "."
                + (Files.readString(entry).contains("org.junit") ? " JUnit is not here: let a main method check and throw AssertionError." : "")
                + "]");
    }

    /** The image's archives as the tail of a class path; empty for a source that imports nothing but the platform's packages. */
    private static String libraries(Path entry) throws java.io.IOException {
        if (!FOREIGN_IMPORT.matcher(Files.readString(entry)).find()) {
            return "";
        }
        try (var archives = Files.newDirectoryStream(Path.of("/usr/share/java"), "*.jar")) {
            var path = new StringBuilder();
            for (Path archive : archives) {
                // Each is there with its version in its name, too.
                if (!archive.toString().matches(".*-\\d+\\..*")) {
                    path.append(':').append(archive);
                }
            }
            return path.toString();
        }
    }

    /** The first class with a main method; a source of methods alone is a class by its file's name. */
    private static String mainClass(CompilationUnitTree unit, Path entry) {
        String prefix = unit.getPackageName() == null ? "" : unit.getPackageName() + ".";
        for (Tree type : unit.getTypeDecls()) {
            if (type instanceof ClassTree tree && tree.getMembers().stream().anyMatch(Compile::isMain)) {
                return prefix + tree.getSimpleName();
            }
        }
        return null;
    }

    private static boolean isMain(Tree member) {
        return member instanceof MethodTree method && method.getName().contentEquals("main");
    }
}
