<?php
// A small PHP shop: sessions, a form, an upload, and the progress of an order as an event stream.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

function send_json($value, $status = 200) {
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($value);
}

if ($path === '/order/stream') {
    header('Content-Type: text/event-stream');
    header('Cache-Control: no-cache');
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
    echo "event: order\ndata: {\"state\":\"paid\"}\n\n";
    flush();
    usleep((int)(1e6 * (float)getenv('SILENCE')));
    echo "event: order\ndata: {\"state\":\"shipped\"}\n\n";
} elseif ($path === '/cart') {
    session_save_path(dirname(getenv('JOURNAL')));
    session_start();
    $_SESSION['cart'] = $_SESSION['cart'] ?? [];
    if ($_SERVER['REQUEST_METHOD'] === 'POST') {
        $_SESSION['cart'][] = $_POST['item'];
    }
    setcookie('currency', 'EUR', 0, '/');
    send_json($_SESSION['cart']);
} elseif ($path === '/upload') {
    send_json(['name' => $_FILES['file']['name'], 'size' => $_FILES['file']['size'],
               'sha256' => hash_file('sha256', $_FILES['file']['tmp_name'])]);
} elseif ($path === '/put') {
    $body = file_get_contents('php://input');
    send_json(['method' => $_SERVER['REQUEST_METHOD'], 'length' => strlen($body), 'sha256' => hash('sha256', $body)], 201);
} elseif ($path === '/old') {
    header('Location: /cart', true, 301);
} elseif ($path === '/') {
    echo "<h1>Shop</h1>\n";
} else {
    send_json(['error' => 'not found'], 404);
}
