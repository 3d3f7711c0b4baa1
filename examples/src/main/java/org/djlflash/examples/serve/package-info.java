/** A language model behind the HTTP interface of OpenAI. */
package org.djlflash.examples.serve;
