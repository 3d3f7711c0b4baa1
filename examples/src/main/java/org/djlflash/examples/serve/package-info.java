/**
 * Models behind the HTTP interface of OpenAI.
 *
 * <p>Over Javalin: a thin layer on Jetty, whose connections tell when a client has hung up and
 * whose graceful shutdown lets answers out, and nothing beside.
 */
package org.djlflash.examples.serve;
