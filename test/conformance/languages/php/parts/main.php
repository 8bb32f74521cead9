require 'shapes/square.php';
require __DIR__ . '/helper.php';
echo 'parts ', plus(area(6)), "\n";
