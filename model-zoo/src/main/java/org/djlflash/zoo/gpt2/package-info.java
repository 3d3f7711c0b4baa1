/** GPT-2. */
package org.djlflash.zoo.gpt2;
