package org.djlflash.examples.serve;

import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.util.BufferUtil;

/**
 * Notices that a client hung up while it waits for its answer, of which a servlet learns nothing
 * before it writes. The request has to be read to its end. For the thread that handles it.
 */
final class ClientWatch {

    private final Context context;
    private final EndPoint connection;
    private final ByteBuffer buffer = BufferUtil.allocate(1);

    ClientWatch(Context context) {
        this.context = context;
        connection =
                ServletContextRequest.getServletContextRequest(context.req())
                        .getConnectionMetaData()
                        .getConnection()
                        .getEndPoint();
    }

    /**
     * Looks for the end of what the client sends.
     *
     * @throws IOException if it has come
     */
    void ensureThere() throws IOException {
        if (buffer.hasRemaining()) {
            return;
        }
        int read = connection.fill(buffer);
        if (read < 0) {
            throw new EofException("the client hung up");
        }
        if (read > 0) {
            // The beginning of a next request, now lost: the client has to send it again.
            context.header("Connection", "close");
        }
    }
}
